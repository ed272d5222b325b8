/*
 * quickfix_peer - the values that our components convert, asked of a FIX::Message.
 */
#ifndef RL_PERF_QUICKFIX_PEER_HPP
#define RL_PERF_QUICKFIX_PEER_HPP

#include <quickfix/DataDictionary.h>
#include <quickfix/Message.h>
#include <quickfix/fix44/ExecutionReport.h>
#include <quickfix/fix44/MarketDataIncrementalRefresh.h>
#include <quickfix/fix44/NewOrderSingle.h>

#include <cmath>

#include "peer.hpp"

inline uint64_t fold_uint(uint64_t answer, const FIX::FieldMap &m, int tag)
{
    return fold(answer, static_cast<uint32_t>(tag), std::strtoull(m.getField(tag).c_str(), nullptr, 10));
}

inline uint64_t fold_px(uint64_t answer, const FIX::FieldMap &m, int tag)
{
    const double px = FIX::DoubleConvertor::convert(m.getField(tag));

    return fold(answer, static_cast<uint32_t>(tag), static_cast<uint64_t>(std::llround(px * 1e9)));
}

inline uint64_t fold_char(uint64_t answer, const FIX::FieldMap &m, int tag)
{
    return fold(answer, static_cast<uint32_t>(tag), static_cast<uint8_t>(m.getField(tag)[0]));
}

inline uint64_t fold_string(uint64_t answer, const FIX::FieldMap &m, int tag)
{
    const std::string &s = m.getField(tag);

    return fold_text(answer, static_cast<uint32_t>(tag), s.data(), s.size());
}

/* Eight of an order or a report, two and four an entry of market data, in the messages' order. */
inline uint64_t values_of(const FIX::Message &m)
{
    const std::string &type = m.getHeader().getField(35);
    uint64_t answer = fold_uint(0, m.getHeader(), 34);

    if (type == "D") {
        answer = fold_string(answer, m, 11);
        answer = fold_string(answer, m, 55);
        answer = fold_char(answer, m, 54);
        answer = fold_uint(answer, m, 38);
        answer = fold_char(answer, m, 40);
        answer = fold_px(answer, m, 44);
        answer = fold_char(answer, m, 59);
    } else if (type == "8") {
        answer = fold_string(answer, m, 11);
        answer = fold_char(answer, m, 150);
        answer = fold_char(answer, m, 39);
        answer = fold_uint(answer, m, 32);
        answer = fold_px(answer, m, 31);
        answer = fold_uint(answer, m, 151);
        answer = fold_uint(answer, m, 14);
    } else if (type == "X") {
        const int n = static_cast<int>(m.groupCount(268));

        answer = fold(answer, 268, static_cast<uint64_t>(n));
        for (int i = 1; i <= n; i++) {
            const FIX::FieldMap &entry = m.getGroupRef(i, 268);

            answer = fold_char(answer, entry, 279);
            answer = fold_char(answer, entry, 269);
            answer = fold_px(answer, entry, 270);
            answer = fold_uint(answer, entry, 271);
        }
    }
    return answer;
}

/* Where the dictionary is; the environment says, since the arguments are the same for all peers. */
inline const char *dictionary_path()
{
    const char *path = std::getenv("REDLINE_FIX44");

    if (path == nullptr) {
        std::fprintf(stderr, "REDLINE_FIX44 must name FIX44.xml\n");
        std::exit(2);
    }
    return path;
}

#endif
