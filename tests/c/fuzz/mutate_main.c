/*
 * A fuzz target as a test: its seeds, every cut of them, the corpus that the project ships for it
 * (FUZZ_CORPUS, inputs that once failed among them), and seeded mutations of all. A failing one
 * says its name on the way out: `fuzz_x NUMBER` runs that mutation alone, `fuzz_x FILE` that file.
 * `fuzz_x --write DIRECTORY` writes the seeds as files, for libFuzzer to start from.
 */
#include <dirent.h>
#include <limits.h>

#include "fuzz.h"

#ifdef __SANITIZE_THREAD__
enum { N_RUNS = 2000 }; /* targets have one thread: nothing to find, ten times slower */
#elif defined(__SANITIZE_ADDRESS__)
enum { N_RUNS = 10000 }; /* some targets are six times slower */
#else
enum { N_RUNS = 20000 };
#endif
enum { MAX_SEEDS = 512 };

static uint8_t seeds[MAX_SEEDS][FUZZ_MAX];
static size_t n_bytes[MAX_SEEDS];
static unsigned n_seeds;
static char running[PATH_MAX + 64];

static void run(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = fuzz_exactly(bytes, n);

    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static size_t insert(uint8_t *b, size_t n, size_t at, const uint8_t *from, size_t n_from)
{
    if (n + n_from > FUZZ_MAX)
        return n;
    memmove(b + at + n_from, b + at, n - at);
    memcpy(b + at, from, n_from);
    return n + n_from;
}

static size_t mutate(uint8_t *b, size_t n, uint64_t *random)
{
    static const uint8_t telling[] = {0,   1,   0x7F, 0x80, 0xFF, '0', '9',
                                      '=', '-', '.',  '|',  'A',  'X'};
    uint64_t r = check_random(random), s = check_random(random);
    size_t at = n ? s % n : 0, room = n - at;
    uint8_t piece[64];
    size_t n_piece = 1 + (r >> 20) % sizeof piece;

    switch (r % 9) {
    case 0:
        if (n)
            b[at] ^= (uint8_t)(1u << ((r >> 8) & 7));
        return n;
    case 1:
        if (n)
            b[at] = (uint8_t)(r >> 8);
        return n;
    case 2:
        if (n)
            b[at] = telling[(r >> 8) % sizeof telling];
        return n;
    case 3: /* cut off */
        return at;
    case 4: /* take a piece out */
        n_piece = n_piece < room ? n_piece : room;
        memmove(b + at, b + at + n_piece, room - n_piece);
        return n - n_piece;
    case 5: /* say a piece twice */
        n_piece = n_piece < room ? n_piece : room;
        memcpy(piece, b + at, n_piece);
        return insert(b, n, at, piece, n_piece);
    case 6: { /* a piece of another seed */
        unsigned k = (unsigned)(r >> 8) % n_seeds;
        size_t from = n_bytes[k] ? (s >> 20) % n_bytes[k] : 0;

        n_piece = n_piece < n_bytes[k] - from ? n_piece : n_bytes[k] - from;
        return insert(b, n, at, seeds[k] + from, n_piece);
    }
    case 7: /* a field filled with one byte */
        n_piece = 1 + n_piece % 8;
        n_piece = n_piece < room ? n_piece : room;
        memset(b + at, (int)telling[(r >> 8) % sizeof telling], n_piece);
        return n;
    default:
        if (n)
            b[at] = (uint8_t)(b[at] + ((r >> 8) & 1 ? 1 : -1));
        return n;
    }
}

static void run_mutation(uint64_t i)
{
    uint64_t random = 0x5EED0000ULL + i * 0x9E3779B97F4A7C15ULL;
    unsigned k = (unsigned)(i % n_seeds);
    size_t n = n_bytes[k];
    uint8_t b[FUZZ_MAX];

    memcpy(b, seeds[k], n);
    for (uint64_t m = 1 + check_random(&random) % 4; m > 0; m--)
        n = mutate(b, n, &random);
    run(b, n);
}

/* What is longer than an input may be is cut. */
static size_t read_input(const char *path, uint8_t *out)
{
    FILE *f = fopen(path, "rb");
    size_t n;

    if (f == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    n = fread(out, 1, FUZZ_MAX, f);
    fclose(f);
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The files of the corpus become seeds too, in the order of their names: the same everywhere. */
static void add_corpus(const char *directory)
{
    char *names[MAX_SEEDS], path[PATH_MAX];
    DIR *d = opendir(directory);
    size_t n = 0;

    if (d == NULL) /* none is shipped for this target */
        return;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        if (e->d_name[0] != '.') {
            CHECK(n < MAX_SEEDS);
            names[n] = strdup(e->d_name);
            CHECK(names[n] != NULL);
            n++;
        }
    closedir(d);
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        CHECK(n_seeds < MAX_SEEDS);
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        snprintf(running, sizeof running, "%s", path);
        n_bytes[n_seeds] = read_input(path, seeds[n_seeds]);
        run(seeds[n_seeds], n_bytes[n_seeds]);
        n_seeds++;
        free(names[i]);
    }
}

static int write_seeds(const char *directory)
{
    char path[PATH_MAX];

    for (unsigned k = 0; k < n_seeds; k++) {
        FILE *f;

        snprintf(path, sizeof path, "%s/seed-%03u", directory, k);
        f = fopen(path, "wb");
        if (f == NULL || fwrite(seeds[k], 1, n_bytes[k], f) != n_bytes[k] || fclose(f) != 0) {
            fprintf(stderr, "%s: cannot be written\n", path);
            return 1;
        }
    }
    return 0;
}

static void tell(void)
{
    if (running[0] != '\0')
        fprintf(stderr, "while running: %s\n", running);
}

int main(int argc, char **argv)
{
    unsigned n_own;

    while (n_seeds < MAX_SEEDS && (n_bytes[n_seeds] = fuzz_seed(n_seeds, seeds[n_seeds])) > 0)
        n_seeds++;
    n_own = n_seeds;
    CHECK(n_own > 0 && n_own < MAX_SEEDS);
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_seeds(argv[2]);
    CHECK_EQ(atexit(tell), 0);
    if (argc == 2 && strspn(argv[1], "0123456789") != strlen(argv[1])) {
        static uint8_t input[FUZZ_MAX];

        snprintf(running, sizeof running, "%s", argv[1]);
        run(input, read_input(argv[1], input));
        running[0] = '\0';
        return 0;
    }
    add_corpus(FUZZ_CORPUS);
    if (argc == 2) {
        run_mutation(strtoull(argv[1], NULL, 10));
        running[0] = '\0';
        return 0;
    }
    for (unsigned k = 0; k < n_own; k++)
        for (size_t n = 0; n <= n_bytes[k]; n++) {
            snprintf(running, sizeof running, "seed %u cut at %zu", k, n);
            run(seeds[k], n);
        }
    for (uint64_t i = 0; i < N_RUNS; i++) {
        snprintf(running, sizeof running, "mutation %" PRIu64, i);
        run_mutation(i);
    }
    running[0] = '\0';
    return 0;
}
