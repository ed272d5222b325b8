#include "trade/audit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int rl_audit_init(struct rl_audit *a, void *slots, uint64_t n_slots)
{
    return rl_ring_init(&a->ring, slots, n_slots);
}

const char *rl_audit_kind_text(uint32_t kind)
{
    switch (kind) {
#define RL_AUDIT_CASE(name, number, text) \
    case number:                          \
        return text;
        RL_AUDIT_KINDS(RL_AUDIT_CASE)
#undef RL_AUDIT_CASE
    default:
        return "unknown kind";
    }
}

/* CRC-32C (Castagnoli), no inversion at either end: the seed is the previous record's crc. */
static uint32_t crc32c_word(uint32_t crc, uint64_t word)
{
#ifdef __SSE4_2__
    return (uint32_t)__builtin_ia32_crc32di(crc, word);
#else
    for (int i = 0; i < 64; i++, word >>= 1)
        crc = crc >> 1 ^ (((crc ^ (uint32_t)word) & 1) ? 0x82F63B78u : 0);
    return crc;
#endif
}

/* Over the whole record with its crc member as 0; never 0 itself for the first record (number is
 * 1). */
static uint32_t record_crc(const struct rl_audit_record *record, uint32_t crc)
{
    struct rl_audit_record copy = *record;
    uint64_t words[sizeof copy / sizeof(uint64_t)];

    copy.crc = 0;
    memcpy(words, &copy, sizeof words);
    for (size_t i = 0; i < RL_COUNT(words); i++)
        crc = crc32c_word(crc, words[i]);
    return crc;
}

void rl_audit_reader_init(struct rl_audit_reader *reader, struct rl_audit *a)
{
    *reader = (struct rl_audit_reader){.audit = a};
}

uint64_t rl_audit_drain(struct rl_audit_reader *reader, struct rl_audit_record *out, uint64_t max)
{
    struct rl_ring *r = &reader->audit->ring;
    uint64_t n = 0;

    for (; n < max; n++) {
        const struct rl_audit_record *record = rl_ring_peek(r);

        if (record == NULL)
            break;
        memcpy(&out[n], record, sizeof *record);
        rl_ring_release(r);
        out[n].number = ++reader->n_read;
        out[n].crc = reader->crc = record_crc(&out[n], reader->crc);
    }
    if (n > 0)
        rl_ring_publish(r); /* the next call may be a second away */
    return n;
}

int rl_audit_drain_fd(struct rl_audit_reader *reader, int fd)
{
    for (;;) {
        const uint8_t *bytes = (const uint8_t *)reader->batch;
        uint32_t n_bytes;

        if (reader->n_pending == 0)
            reader->n_pending = (uint32_t)rl_audit_drain(reader, reader->batch, RL_AUDIT_BATCH);
        if (reader->n_pending == 0)
            return 0;
        n_bytes = reader->n_pending * (uint32_t)sizeof reader->batch[0];
        while (reader->n_pending_written < n_bytes) {
            ssize_t n =
                write(fd, bytes + reader->n_pending_written, n_bytes - reader->n_pending_written);

            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return -errno;
            reader->n_pending_written += (uint32_t)n;
        }
        reader->n_pending = 0;
        reader->n_pending_written = 0;
    }
}

uint64_t rl_audit_verify(const struct rl_audit_record *records, uint64_t n, uint64_t number,
                         uint32_t crc)
{
    for (uint64_t i = 0; i < n; i++) {
        if (records[i].number != number + 1 + i || records[i].crc != record_crc(&records[i], crc))
            return i;
        crc = records[i].crc;
    }
    return n;
}
