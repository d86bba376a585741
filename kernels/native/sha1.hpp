// SHA-1 (FIPS 180-4), for signatures that equal those of other programs; nothing here is secret.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "text_view.hpp"

namespace curate {

class Sha1 {
public:
    // The first four bytes of the digest as a little-endian integer (`datasketch.sha1_hash32`).
    static uint32_t first_word(Bytes message) {
        std::array<uint32_t, 5> state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                                         0xc3d2e1f0};
        size_t position = 0;
        for (; message.size - position >= 64; position += 64) mix(message.data + position, state);
        uint8_t tail[128] = {};
        const size_t left = message.size - position;
        if (left > 0) std::memcpy(tail, message.data + position, left);
        tail[left] = 0x80;
        const size_t padded = left < 56 ? 64 : 128;
        const uint64_t bits = uint64_t{message.size} * 8;
        for (size_t byte = 0; byte < 8; ++byte)
            tail[padded - 1 - byte] = static_cast<uint8_t>(bits >> (8 * byte));
        for (size_t start = 0; start < padded; start += 64) mix(tail + start, state);
        return __builtin_bswap32(state[0]);
    }

private:
    static uint32_t turned(uint32_t value, int bits) {
        return value << bits | value >> (32 - bits);
    }

    static void mix(const uint8_t* block, std::array<uint32_t, 5>& state) {
        uint32_t words[80];
        for (int at = 0; at < 16; ++at) {
            words[at] = uint32_t{block[4 * at]} << 24 | uint32_t{block[4 * at + 1]} << 16 |
                        uint32_t{block[4 * at + 2]} << 8 | uint32_t{block[4 * at + 3]};
        }
        for (int at = 16; at < 80; ++at) {
            words[at] =
                turned(words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16], 1);
        }
        auto [a, b, c, d, e] = state;
        for (int at = 0; at < 80; ++at) {
            uint32_t chosen, constant;
            if (at < 20) {
                chosen = (b & c) | (~b & d), constant = 0x5a827999;
            } else if (at < 40) {
                chosen = b ^ c ^ d, constant = 0x6ed9eba1;
            } else if (at < 60) {
                chosen = (b & c) | (b & d) | (c & d), constant = 0x8f1bbcdc;
            } else {
                chosen = b ^ c ^ d, constant = 0xca62c1d6;
            }
            const uint32_t next = turned(a, 5) + chosen + e + constant + words[at];
            e = d, d = c, c = turned(b, 30), b = a, a = next;
        }
        state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
    }
};

}  // namespace curate
