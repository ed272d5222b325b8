#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define PAGE_BYTES ((size_t)4096)
#define HUGE_BYTES ((size_t)2 << 20)

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) & ~(to - 1);
}

/* --- arena --- */

/* The next line of an open /proc file into `line`, cut to its size; false at the end. */
struct line_reader {
    int fd;
    size_t n, at;
    char bytes[4096];
};

static bool read_line(struct line_reader *r, char *line, size_t n_line)
{
    size_t n = 0;

    for (;;) {
        if (r->at == r->n) {
            ssize_t got = read(r->fd, r->bytes, sizeof(r->bytes));

            if (got <= 0)
                return false;
            r->n = (size_t)got;
            r->at = 0;
        }
        char c = r->bytes[r->at++];

        if (c == '\n')
            break;
        if (n + 1 < n_line)
            line[n++] = c;
    }
    line[n] = '\0';
    return true;
}

/* Bytes of huge pages behind [base, base + n_bytes) by the kernel's account; 0 if unknown. */
static size_t thp_bytes(const uint8_t *base, size_t n_bytes)
{
    static const char key[] = "AnonHugePages:";
    struct line_reader reader = {.fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC)};
    char line[256], *rest;
    bool inside = false;
    size_t n = 0;

    if (reader.fd < 0)
        return 0;
    while (read_line(&reader, line, sizeof(line))) {
        uintptr_t from = strtoull(line, &rest, 16);

        if (rest != line && *rest == '-') { /* a mapping's own line: from-to perms ... */
            uintptr_t to = strtoull(rest + 1, NULL, 16);

            inside = from < (uintptr_t)base + n_bytes && to > (uintptr_t)base;
        } else if (inside && strncmp(line, key, sizeof(key) - 1) == 0) {
            n += (size_t)strtoull(line + sizeof(key) - 1, NULL, 10) * 1024;
        }
    }
    close(reader.fd);
    return n;
}

static int map_hugetlb(struct rl_arena *a)
{
    size_t n = round_up(a->n_bytes, HUGE_BYTES);
    void *map =
        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

    if (map == MAP_FAILED)
        return -errno;
    a->map = a->base = map;
    a->n_map_bytes = a->n_bytes = n;
    a->obtained |= RL_ARENA_HUGETLB;
    return 0;
}

static int map_plain(struct rl_arena *a)
{
    bool thp = (a->asked & RL_ARENA_THP) != 0;
    size_t align = thp ? HUGE_BYTES : PAGE_BYTES;

    a->n_bytes = round_up(a->n_bytes, align);
    a->n_map_bytes = a->n_bytes + (thp ? HUGE_BYTES : 0); /* mmap aligns to small pages only */
    a->map = mmap(NULL, a->n_map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (a->map == MAP_FAILED) {
        a->map = NULL;
        return -errno;
    }
    a->base = (uint8_t *)round_up((uintptr_t)a->map, align);
    return 0;
}

int rl_arena_open(struct rl_arena *a, size_t n_bytes, uint32_t flags)
{
    int err = 0;

    *a = (struct rl_arena){.n_bytes = n_bytes, .asked = flags};
    if (n_bytes == 0)
        return -EINVAL;
    if (n_bytes > SIZE_MAX / 2)
        return -ENOMEM;
    if ((flags & RL_ARENA_HUGETLB) == 0 || map_hugetlb(a) != 0)
        err = map_plain(a);
    if (err != 0) {
        *a = (struct rl_arena){.asked = flags};
        return err;
    }
    if ((flags & RL_ARENA_THP) != 0 && (a->obtained & RL_ARENA_HUGETLB) == 0)
        (void)madvise(a->base, a->n_bytes, MADV_HUGEPAGE); /* what came of it is read back below */
    if ((flags & RL_ARENA_PREFAULT) != 0) {
        for (size_t at = 0; at < a->n_bytes; at += PAGE_BYTES)
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): failing sets errno */
            ((volatile uint8_t *)a->base)[at] = 0;
        a->obtained |= RL_ARENA_PREFAULT;
    }
    if ((flags & RL_ARENA_LOCK) != 0 && mlock(a->base, a->n_bytes) == 0)
        a->obtained |= RL_ARENA_LOCK | RL_ARENA_PREFAULT; /* mlock touches what it locks */
    if ((flags & RL_ARENA_THP) != 0 && thp_bytes(a->base, a->n_bytes) * 2 >= a->n_bytes)
        a->obtained |= RL_ARENA_THP;
    return 0;
}

void rl_arena_close(struct rl_arena *a)
{
    if (a->map != NULL)
        munmap(a->map, a->n_map_bytes);
    *a = (struct rl_arena){.asked = a->asked};
}

void *rl_arena_take(struct rl_arena *a, size_t n_bytes, size_t align)
{
    size_t to = align == 0 ? RL_CACHE_LINE : align;
    size_t from = round_up(a->n_used, to);

    if (a->base == NULL || from < a->n_used || from > a->n_bytes || n_bytes > a->n_bytes - from)
        return NULL;
    a->n_used = from + n_bytes;
    return a->base + from;
}

/* --- allocation trap --- */

/* Weak: a program linked without --wrap has no __real_ names, and never calls these wrappers. */
extern void *__real_malloc(size_t) __attribute__((weak));
extern void *__real_calloc(size_t, size_t) __attribute__((weak));
extern void *__real_realloc(void *, size_t) __attribute__((weak));
extern void *__real_aligned_alloc(size_t, size_t) __attribute__((weak));
extern void __real_free(void *) __attribute__((weak));
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_aligned_alloc(size_t, size_t);
void __wrap_free(void *);

/* Initial-exec: reaching these must not itself allocate, also from a shared library. */
#define TRAP_LOCAL static _Thread_local __attribute__((tls_model("initial-exec")))
TRAP_LOCAL bool trap_is_armed;
TRAP_LOCAL uint64_t trap_n_calls;

TRAP_LOCAL int64_t trap_n_bytes;

static inline void trap_note(void)
{
    if (RL_UNLIKELY(trap_is_armed))
        trap_n_calls++;
}

static inline void *trap_taken(void *p)
{
    trap_note();
    if (RL_UNLIKELY(trap_is_armed))
        trap_n_bytes += (int64_t)malloc_usable_size(p); /* 0 of NULL */
    return p;
}

void *__wrap_malloc(size_t n)
{
    return trap_taken(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return trap_taken(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
    size_t n_before = RL_UNLIKELY(trap_is_armed) ? malloc_usable_size(p) : 0;
    void *to = __real_realloc(p, n);

    if (to != NULL || n == 0) /* else p is as it was */
        trap_n_bytes -= (int64_t)n_before;
    return trap_taken(to);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    return trap_taken(__real_aligned_alloc(align, n));
}

void __wrap_free(void *p)
{
    if (p != NULL) /* free(NULL) asks nothing of the heap */
        trap_note();
    if (RL_UNLIKELY(trap_is_armed))
        trap_n_bytes -= (int64_t)malloc_usable_size(p);
    __real_free(p);
}

void rl_trap_arm(void)
{
    trap_n_calls = 0;
    trap_n_bytes = 0;
    trap_is_armed = true;
}

void rl_trap_disarm(void)
{
    trap_is_armed = false;
}

uint64_t rl_trap_count(void)
{
    return trap_n_calls;
}

bool rl_trap_is_linked(void)
{
    return __real_malloc != NULL;
}

/* --- usage --- */

struct rl_usage rl_usage_now(void)
{
    struct rusage r = {0};

    getrusage(RUSAGE_THREAD, &r); /* cannot fail for the calling thread */
    return (struct rl_usage){.minflt = (uint64_t)r.ru_minflt,
                             .majflt = (uint64_t)r.ru_majflt,
                             .nvcsw = (uint64_t)r.ru_nvcsw,
                             .nivcsw = (uint64_t)r.ru_nivcsw,
                             .n_allocs = trap_n_calls,
                             .n_heap_bytes = trap_n_bytes};
}

struct rl_usage rl_usage_diff(struct rl_usage before, struct rl_usage after)
{
    return (struct rl_usage){.minflt = after.minflt - before.minflt,
                             .majflt = after.majflt - before.majflt,
                             .nvcsw = after.nvcsw - before.nvcsw,
                             .nivcsw = after.nivcsw - before.nivcsw,
                             .n_allocs = after.n_allocs - before.n_allocs,
                             .n_heap_bytes = after.n_heap_bytes - before.n_heap_bytes};
}
