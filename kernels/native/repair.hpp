// Lines whose characters may need repair. What is not named here is known to need none, so that the
// slow tools see few lines.
#pragma once

#include <cstdint>
#include <vector>

#include "text_view.hpp"

namespace curate {

enum class NormalForm : int { None, Nfc, Nfkc };

struct SuspectOptions {
    NormalForm form;
    bool ligatures;    // Latin ligatures make a line suspect
    bool know_mojibake;  // false: every line that is not ASCII is suspect
};

enum SuspectKind : uint8_t {
    kMayBeDamaged = 1,   // mojibake, controls, ligatures
    kMayBeNotNormal = 2  // nothing but the normal form is in doubt
};

// Lines end after LF. `begin` and `end` are bytes of the array's data.
struct SuspectLines {
    std::vector<int64_t> row;
    std::vector<int64_t> begin;
    std::vector<int64_t> end;
    std::vector<uint8_t> kind;
};

// Throws InvalidUtf8 with the row in front, for damage outside of suspect lines.
SuspectLines suspect_lines(const TextView& text, const SuspectOptions& options);

}  // namespace curate
