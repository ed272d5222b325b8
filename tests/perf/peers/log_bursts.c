/*
 * Our audit log under bursts (bursts.h), and the floors below it: nothing at all, the same 64 bytes
 * stored into a ring that never asks for room, and written to a file.
 *
 *     log_bursts audit|ring|write|empty PREFIX CPU TSC_HZ SECONDS
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bursts.h"
#include "trade/audit/audit.h"
#include "trade/audit/read.h"
#include "trade/audit/writer.h"

#define N_SLOTS (1u << 16) /* as an engine has: 65 ms at a million records a second */

static RL_ALIGNED uint8_t slots[N_SLOTS][RL_RING_SLOT_BYTES];
static char path[512];
static struct burst_found found;
static uint64_t last_id;

static void find(uint64_t id, uint64_t qty)
{
    found.n_bad += id <= last_id || qty != 100;
    last_id = id;
    found.sum += id;
    found.n_records++;
}

/* Every member, as an engine sets them; number and crc are the writer's. */
BURST_INLINE void fill(struct rl_audit_record *r, const struct burst_order *o)
{
    r->tsc = o->id;
    r->id = o->id;
    r->ref = o->ref;
    r->px_nano = o->px_nano;
    r->qty = o->qty;
    r->detail = 0;
    r->instrument = (uint16_t)o->instrument;
    r->kind = RL_AUDIT_SENT;
    r->event = 0;
    r->flags = RL_AUDIT_FLAGS(1, 0, 2);
    r->venue = r->account = r->strategy = 0;
}

/* --- audit --- */

static struct rl_audit audit;
static struct rl_audit_writer writer;
static struct rl_audit_thread *thread;

static bool audit_open(const char *prefix, int cpu, uint64_t tsc_hz)
{
    const char *why = NULL;
    struct rl_audit_writer_config config = {.dir = path, .tsc_hz = tsc_hz};
    int err;

    snprintf(path, sizeof path, "%s.audit", prefix);
    memset(slots, 1, sizeof slots);
    memset(slots, 0, sizeof slots); /* touched */
    err = rl_audit_init(&audit, slots, N_SLOTS);
    if (err == 0)
        err = rl_audit_writer_open(&writer, &audit, &config, burst_end(), &why);
    if (err == 0)
        err = rl_audit_thread_start(&thread, &writer, cpu, 0);
    if (err != 0)
        fprintf(stderr, "%s: %s%s%s\n", path, strerror(-err), why ? ": " : "", why ? why : "");
    return err == 0;
}

BURST_INLINE bool audit_append(const struct burst_order *o)
{
    struct rl_audit_record *r = rl_audit_claim(&audit, 3);

    if (RL_UNLIKELY(r == NULL))
        return false;
    fill(r, o);
    rl_audit_commit(&audit);
    return true;
}

static bool on_record(void *user, const struct rl_audit_record *r)
{
    (void)user;
    if (r->kind == RL_AUDIT_SENT)
        find(r->id, r->qty);
    return true;
}

static void remove_directory(void)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    rmdir(path);
}

static struct burst_found audit_close(void)
{
    struct rl_audit_scan scan = {.on_record = on_record};
    int err = rl_audit_thread_stop(thread);
    uint32_t segment;

    if (err == 0)
        err = rl_audit_scan_dir(&scan, path, &segment);
    found.n_bad += err != 0 || scan.verdict.fault != RL_AUDIT_WHOLE;
    remove_directory(); /* the next pass begins a log of its own */
    return found;
}

/* --- ring --- */

static RL_ALIGNED _Atomic uint64_t ring_tail;
static RL_ALIGNED _Atomic bool ring_is_over;
static pthread_t ring_reader;

static void *ring_read(void *arg)
{
    uint64_t head = 0;

    burst_pin(*(const int *)arg);
    for (;;) {
        bool is_over = atomic_load_explicit(&ring_is_over, memory_order_acquire);
        uint64_t tail = atomic_load_explicit(&ring_tail, memory_order_acquire);

        for (; head < tail; head++) {
            struct rl_audit_record r;

            memcpy(&r, slots[head % N_SLOTS], sizeof r);
            find(r.id, r.qty);
        }
        if (is_over)
            return NULL;
        usleep(100); /* as the writer of the audit log */
    }
}

static bool ring_open(const char *prefix, int cpu, uint64_t tsc_hz)
{
    static int reader_cpu;

    (void)prefix;
    (void)tsc_hz;
    reader_cpu = cpu;
    memset(slots, 1, sizeof slots);
    return pthread_create(&ring_reader, NULL, ring_read, &reader_cpu) == 0;
}

BURST_INLINE bool ring_append(const struct burst_order *o)
{
    uint64_t tail = atomic_load_explicit(&ring_tail, memory_order_relaxed);

    fill((struct rl_audit_record *)(void *)slots[tail % N_SLOTS], o);
    atomic_store_explicit(&ring_tail, tail + 1, memory_order_release);
    return true;
}

static struct burst_found ring_close(void)
{
    atomic_store_explicit(&ring_is_over, true, memory_order_release);
    pthread_join(ring_reader, NULL);
    return found;
}

/* --- write --- */

static int file = -1;

static bool write_open(const char *prefix, int cpu, uint64_t tsc_hz)
{
    (void)cpu;
    (void)tsc_hz;
    snprintf(path, sizeof path, "%s.written", prefix);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return file >= 0;
}

BURST_INLINE bool write_append(const struct burst_order *o)
{
    struct rl_audit_record r = {0};

    fill(&r, o);
    return write(file, &r, sizeof r) == (ssize_t)sizeof r;
}

static struct burst_found write_close(void)
{
    struct rl_audit_record r;

    lseek(file, 0, SEEK_SET);
    while (read(file, &r, sizeof r) == (ssize_t)sizeof r)
        find(r.id, r.qty);
    close(file);
    unlink(path);
    return found;
}

/* --- empty --- */

static bool empty_open(const char *prefix, int cpu, uint64_t tsc_hz)
{
    (void)prefix;
    (void)cpu;
    (void)tsc_hz;
    return true;
}

BURST_INLINE bool empty_append(const struct burst_order *o)
{
    __asm__ volatile("" : : "r"(o) : "memory");
    find(o->id, o->qty);
    return true;
}

static struct burst_found empty_close(void)
{
    return found;
}

int main(int argc, char **argv)
{
    static const struct burst_log audit_log = {"numbered, chained, synced every 10 ms", audit_open,
                                               audit_close};
    static const struct burst_log ring_log = {"64 bytes and an index", ring_open, ring_close};
    static const struct burst_log write_log = {"write(2), never synced", write_open, write_close};
    static const struct burst_log empty_log = {"two additions", empty_open, empty_close};
    const char *mode = argc == 6 ? argv[1] : "";

    if (strcmp(mode, "audit") == 0)
        return bursts_main(argv + 2, &audit_log, audit_append);
    if (strcmp(mode, "ring") == 0)
        return bursts_main(argv + 2, &ring_log, ring_append);
    if (strcmp(mode, "write") == 0)
        return bursts_main(argv + 2, &write_log, write_append);
    if (strcmp(mode, "empty") == 0)
        return bursts_main(argv + 2, &empty_log, empty_append);
    fprintf(stderr, "usage: %s audit|ring|write|empty PREFIX CPU TSC_HZ SECONDS\n", argv[0]);
    return 2;
}
