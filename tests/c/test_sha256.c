/* SHA-256 and CRC-32C: known answers, and every way of computing them agrees. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "trade/audit/format.h"

/* FIPS 180-4 examples and NIST CAVP short messages; the last is the classic million of 'a'. */
static const struct {
    const char *text;
    unsigned n_times;
    const char *digest;
} answers[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
     "lmnopqrsmnopqrstnopqrstu",
     1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

static void check_digest(const uint8_t seen[RL_SHA256_BYTES], const char *wanted)
{
    char text[2 * RL_SHA256_BYTES + 1];

    for (unsigned i = 0; i < RL_SHA256_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", seen[i]);
    if (strcmp(text, wanted) != 0) {
        fprintf(stderr, "saw    %s\nwanted %s\n", text, wanted);
        exit(1);
    }
}

static void a_digest_is_the_published_one(void)
{
    for (unsigned i = 0; i < RL_COUNT(answers); i++) {
        struct rl_sha256 s;
        uint8_t out[RL_SHA256_BYTES];

        rl_sha256_init(&s);
        for (unsigned k = 0; k < answers[i].n_times; k++)
            rl_sha256_put(&s, answers[i].text, strlen(answers[i].text));
        rl_sha256_end(&s, out);
        check_digest(out, answers[i].digest);
        if (answers[i].n_times == 1) {
            rl_sha256(answers[i].text, strlen(answers[i].text), out);
            check_digest(out, answers[i].digest);
        }
    }
}

/* The block function alone, padding done here: plain C and the instructions answer the same. */
static void digest_by(rl_sha256_blocks *blocks, const uint8_t *bytes, size_t n, uint8_t *out)
{
    static uint8_t padded[512];
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    size_t n_blocks = (n + 9 + 63) / 64;
    uint64_t n_bits = 8 * n;

    CHECK(n_blocks * 64 <= sizeof padded);
    memset(padded, 0, sizeof padded);
    if (n > 0)
        memcpy(padded, bytes, n);
    padded[n] = 0x80;
    for (unsigned i = 0; i < 8; i++)
        padded[n_blocks * 64 - 1 - i] = (uint8_t)(n_bits >> 8 * i);
    blocks(state, padded, n_blocks);
    for (unsigned i = 0; i < RL_SHA256_BYTES; i++)
        out[i] = (uint8_t)(state[i / 4] >> 8 * (3 - i % 4));
}

static void plain_code_gives_the_published_digests(void)
{
    uint8_t out[RL_SHA256_BYTES];

    for (unsigned i = 0; i + 1 < RL_COUNT(answers); i++) {
        digest_by(rl_sha256_blocks_plain, (const uint8_t *)answers[i].text, strlen(answers[i].text),
                  out);
        check_digest(out, answers[i].digest);
    }
}

static void every_length_and_every_split_agree_on_every_path(void)
{
    rl_sha256_blocks *ni = rl_sha256_blocks_ni();
    uint8_t bytes[300], whole[RL_SHA256_BYTES], out[RL_SHA256_BYTES];
    uint64_t random = 3;

    if (ni == NULL)
        fprintf(stderr, "this CPU has no SHA-NI: only plain code was tested\n");
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)check_random(&random);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        digest_by(rl_sha256_blocks_plain, bytes, n, whole);
        rl_sha256(bytes, n, out);
        CHECK(memcmp(out, whole, sizeof out) == 0);
        if (ni != NULL) {
            digest_by(ni, bytes, n, out);
            CHECK(memcmp(out, whole, sizeof out) == 0);
        }
        for (size_t cut = 0; cut <= n; cut += 1 + n / 16) {
            struct rl_sha256 s;

            rl_sha256_init(&s);
            rl_sha256_put(&s, bytes, cut);
            rl_sha256_put(&s, bytes + cut, n - cut);
            rl_sha256_end(&s, out);
            CHECK(memcmp(out, whole, sizeof out) == 0);
        }
    }
}

/* At the end of the memory: the next byte is a fault. */
static void no_path_looks_behind_the_last_block(void)
{
    rl_sha256_blocks *ni = rl_sha256_blocks_ni();
    size_t n_page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *page =
        mmap(NULL, 2 * n_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t plain[8] = {1}, quick[8] = {1};

    CHECK(page != MAP_FAILED);
    CHECK_EQ(mprotect(page + n_page, n_page, PROT_NONE), 0);
    rl_sha256_blocks_plain(plain, page + n_page - 128, 2);
    if (ni != NULL) {
        ni(quick, page + n_page - 128, 2);
        CHECK(memcmp(plain, quick, sizeof plain) == 0);
    }
    CHECK_EQ(rl_crc32c(0, page + n_page - 15, 15), rl_crc32c_plain(0, page + n_page - 15, 15));
    munmap(page, 2 * n_page);
}

/* RFC 3720, B.4, and the check value of the catalogue of CRCs. */
static void a_crc_is_the_published_one(void)
{
    uint8_t bytes[32];

    CHECK_EQ(rl_crc32c(0, "123456789", 9), 0xE3069283);
    memset(bytes, 0, sizeof bytes);
    CHECK_EQ(rl_crc32c(0, bytes, sizeof bytes), 0x8A9136AA);
    memset(bytes, 0xFF, sizeof bytes);
    CHECK_EQ(rl_crc32c(0, bytes, sizeof bytes), 0x62A8AB43);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    CHECK_EQ(rl_crc32c(0, bytes, sizeof bytes), 0x46DD794E);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        CHECK_EQ(rl_crc32c(7, bytes, n), rl_crc32c_plain(7, bytes, n));
        CHECK_EQ(rl_crc32c(rl_crc32c(0, bytes, n), bytes + n, sizeof bytes - n), 0x46DD794E);
    }
}

int main(void)
{
    a_digest_is_the_published_one();
    plain_code_gives_the_published_digests();
    every_length_and_every_split_agree_on_every_path();
    no_path_looks_behind_the_last_block();
    a_crc_is_the_published_one();
    return 0;
}
