"""The language that a page declares, as BCP 47's primary subtag: `en` for `en_US`, `de` for `ger`.

A declaration, often wrong (templates say `en` everywhere), so it stands beside the column
`language`, which is measured from the text.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"\s*([A-Za-z]{2,3})(?![A-Za-z])")
_ISO_639 = """
aa:aar ab:abk ae:ave af:afr ak:aka am:amh an:arg ar:ara as:asm av:ava ay:aym az:aze ba:bak be:bel
bg:bul bi:bis bm:bam bn:ben bo:bod,tib br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:cre cs:ces,cze
cu:chu cv:chv cy:cym,wel da:dan de:deu,ger dv:div dz:dzo ee:ewe el:ell,gre en:eng eo:epo es:spa
et:est eu:eus,baq fa:fas,per ff:ful fi:fin fj:fij fo:fao fr:fra,fre fy:fry ga:gle gd:gla gl:glg
gn:grn gu:guj gv:glv ha:hau he:heb hi:hin ho:hmo hr:hrv ht:hat hu:hun hy:hye,arm hz:her ia:ina
id:ind ie:ile ig:ibo ii:iii ik:ipk io:ido is:isl,ice it:ita iu:iku ja:jpn jv:jav ka:kat,geo kg:kon
ki:kik kj:kua kk:kaz kl:kal km:khm kn:kan ko:kor kr:kau ks:kas ku:kur kv:kom kw:cor ky:kir la:lat
lb:ltz lg:lug li:lim ln:lin lo:lao lt:lit lu:lub lv:lav mg:mlg mh:mah mi:mri,mao mk:mkd,mac ml:mal
mn:mon mr:mar ms:msa,may mt:mlt my:mya,bur na:nau nb:nob nd:nde ne:nep ng:ndo nl:nld,dut nn:nno
no:nor nr:nbl nv:nav ny:nya oc:oci oj:oji om:orm or:ori os:oss pa:pan pi:pli pl:pol ps:pus pt:por
qu:que rm:roh rn:run ro:ron,rum ru:rus rw:kin sa:san sc:srd sd:snd se:sme sg:sag sh:hbs si:sin
sk:slk,slo sl:slv sm:smo sn:sna so:som sq:sqi,alb sr:srp ss:ssw st:sot su:sun sv:swe sw:swa ta:tam
te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn to:ton tr:tur ts:tso tt:tat tw:twi ty:tah ug:uig
uk:ukr ur:urd uz:uzb ve:ven vi:vie vo:vol wa:wln wo:wol xh:xho yi:yid yo:yor za:zha zh:zho,chi
zu:zul
"""
"""ISO 639-1 codes with their three-letter codes of ISO 639-2, which BCP 47 does not use."""
_SHORT = {
    long: pair[:2] for pair in _ISO_639.split() for long in (pair[:2], *pair[3:].split(","))
} | {"iw": "he", "in": "id", "ji": "yi", "mo": "ro", "cn": "zh", "jp": "ja"}
"""Also codes withdrawn since, and two country codes that pages write for languages."""
_NO_LANGUAGE = frozenset(("und", "mul", "zxx", "mis", "qaa"))


def primary_language(tag: str) -> str | None:
    """The language subtag of a tag, lower case and shortest; None where the tag names no language.

    Of a list (`en, fr`) the first counts. Three-letter codes without a short form pass unchecked.
    """
    found = _TAG.match(tag)
    if found is None:
        return None
    code = found.group(1).lower()
    if code in _SHORT:
        return _SHORT[code]
    return code if len(code) == 3 and code not in _NO_LANGUAGE else None
