/*
 * peer - times somebody else's program the way the components of ours are timed.
 *
 *     PEER PREFIX CPU TSC_HZ SECONDS
 *
 * PREFIX.bytes and PREFIX.recs hold the messages and where each lies (24 bytes a record, see
 * engine.market.STREAM_REC). A peer is a type with
 *     void start();                                      before each replay, untimed
 *     uint64_t step(const uint8_t *bytes, uint32_t n);   one operation: its answer
 *     uint64_t answer(uint64_t sum);                     after a replay, of the sum of the answers
 *     const char *about();                               name and version
 * and main() is `return peer_main<Type>(argc, argv)`. Prints one JSON object: ticks of single
 * operations between fences (value: count), ticks of the fastest and of the mean replay of all
 * chunks of a thousand, the answer. Fences, chunks and the number of replays are those of
 * csrc/rig/component.h; the answer is folded as in csrc/rig/component_job.h.
 */
#ifndef RL_PERF_PEER_HPP
#define RL_PERF_PEER_HPP

#include <sched.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

constexpr unsigned kReplays = 9, kReplayOps = 1000;
constexpr uint64_t kNotParsed = 0xBAD;

struct Record {
    uint64_t offset, ts_ns;
    uint32_t n_bytes;
    uint16_t n_messages;
    uint8_t line, unused;
};
static_assert(sizeof(Record) == 24, "STREAM_REC");

inline uint64_t tsc_begin()
{
    uint64_t ticks;

    __asm__ volatile("lfence\n\trdtsc\n\tlfence\n\tshlq $32, %%rdx\n\torq %%rdx, %%rax"
                     : "=a"(ticks)
                     :
                     : "rdx", "memory", "cc");
    return ticks;
}

inline uint64_t tsc_end()
{
    uint64_t ticks;

    __asm__ volatile("rdtscp\n\tlfence\n\tshlq $32, %%rdx\n\torq %%rdx, %%rax"
                     : "=a"(ticks)
                     :
                     : "rcx", "rdx", "memory", "cc");
    return ticks;
}

/* The answer must be computed before what follows. */
inline void use(uint64_t answer)
{
    __asm__ volatile("" : : "r"(answer) : "memory");
}

inline uint64_t fold(uint64_t answer, uint32_t tag, uint64_t value)
{
    return (answer << 9 | answer >> 55) + value + (static_cast<uint64_t>(tag) << 40);
}

inline uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9ULL;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

inline uint64_t fold_text(uint64_t answer, uint32_t tag, const char *s, size_t n)
{
    return fold(answer, tag,
                static_cast<uint32_t>(n) << 16 |
                    static_cast<uint32_t>(static_cast<uint8_t>(s[0])) << 8 |
                    static_cast<uint8_t>(s[n - 1]));
}

inline std::vector<uint8_t> read_file(const std::string &path)
{
    std::vector<uint8_t> bytes;
    FILE *f = std::fopen(path.c_str(), "rb");
    uint8_t block[1 << 16];
    size_t n;

    if (f == nullptr) {
        std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
        std::exit(2);
    }
    while ((n = std::fread(block, 1, sizeof block, f)) > 0)
        bytes.insert(bytes.end(), block, block + n);
    std::fclose(f);
    return bytes;
}

template <class Peer> int peer_main(int argc, char **argv)
{
    if (argc != 5) {
        std::fprintf(stderr, "usage: %s PREFIX CPU TSC_HZ SECONDS\n", argv[0]);
        return 2;
    }
    const std::string prefix = argv[1];
    const double seconds = std::atof(argv[4]);
    const auto budget = static_cast<uint64_t>(seconds * std::atof(argv[3]));
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(std::atoi(argv[2]), &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) {
        std::fprintf(stderr, "CPU %s may not be used\n", argv[2]);
        return 2;
    }
    std::vector<uint8_t> bytes = read_file(prefix + ".bytes"), raw = read_file(prefix + ".recs");
    std::vector<Record> recs(raw.size() / sizeof(Record));
    bytes.resize(bytes.size() + 64); /* some peers read a vector too far */
    std::memcpy(static_cast<void *>(recs.data()), raw.data(), recs.size() * sizeof(Record));
    const size_t n_chunks = (recs.size() + kReplayOps - 1) / kReplayOps;
    std::vector<uint64_t> fastest(n_chunks, UINT64_MAX);
    std::map<uint64_t, uint64_t> per_op;
    uint64_t total = 0, answer = 0, n_wrong = 0, spent = 0;
    Peer peer;

    for (unsigned r = 0; r < 1 + kReplays; r++) { /* the first one warms up */
        uint64_t sum = 0, ticks;

        peer.start();
        for (size_t chunk = 0; chunk < n_chunks; chunk++) {
            const size_t from = chunk * kReplayOps;
            const size_t to = std::min(from + kReplayOps, recs.size());
            const uint64_t begin = tsc_begin();

            for (size_t i = from; i < to; i++) {
                sum += peer.step(bytes.data() + recs[i].offset, recs[i].n_bytes);
                use(sum);
            }
            ticks = tsc_end() - begin;
            if (r > 0) {
                fastest[chunk] = std::min(fastest[chunk], ticks);
                total += ticks;
            }
        }
        sum = peer.answer(sum);
        n_wrong += r > 0 && sum != answer;
        answer = sum;
    }
    std::vector<uint32_t> samples(recs.size());
    do {
        peer.start();
        for (size_t i = 0; i < recs.size(); i++) {
            const uint64_t begin = tsc_begin();

            use(peer.step(bytes.data() + recs[i].offset, recs[i].n_bytes));
            samples[i] = static_cast<uint32_t>(std::min<uint64_t>(tsc_end() - begin, UINT32_MAX));
        }
        for (uint32_t ticks : samples) {
            per_op[ticks]++;
            spent += ticks;
        }
    } while (spent < budget);
    uint64_t sum_fastest = 0;

    for (uint64_t ticks : fastest)
        sum_fastest += ticks;
    std::printf("{\"about\": \"%s\", \"n_ops\": %zu, \"fastest_ticks\": %" PRIu64
                ", \"mean_ticks\": %.1f, \"answer\": \"%016" PRIx64 "\", \"n_wrong\": %" PRIu64
                ", \"per_op\": {",
                peer.about(), recs.size(), sum_fastest, static_cast<double>(total) / kReplays,
                answer, n_wrong);
    const char *comma = "";

    for (const auto &seen : per_op) {
        std::printf("%s\"%" PRIu64 "\": %" PRIu64, comma, seen.first, seen.second);
        comma = ", ";
    }
    std::printf("}}\n");
    return 0;
}

#endif
