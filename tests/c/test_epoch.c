/* Epochs: none is given twice, whoever dies when, and whatever the file is made into. */
#include <sys/wait.h>

#include "epoch_calls.h"

/* ---- A folder of our own --------------------------------------------------------------------- */

static char folder[64], path[96];

static void begin(void)
{
    snprintf(folder, sizeof(folder), "/tmp/redline-epoch-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/epoch", folder);
    n_calls = fail_at = kill_at = 0;
    skips_fsync = false;
    memset(&disk, 0, sizeof(disk));
}

static void end(void)
{
    char new_path[128];

    snprintf(new_path, sizeof(new_path), "%s.new", path);
    unlink(new_path);
    unlink(path);
    CHECK_EQ(rmdir(folder), 0); /* nothing else was left */
}

static uint32_t take(void)
{
    const char *why = "?";
    uint32_t epoch = 0;
    int err = rl_epoch_take(path, &epoch, &why);

    if (err != 0) {
        fprintf(stderr, "%s: %s\n", why, strerror(-err));
        exit(1);
    }
    CHECK(why == NULL);
    return epoch;
}

static void refuses(int err)
{
    const char *why = NULL;
    uint32_t epoch = 12345;

    CHECK_EQ(rl_epoch_take(path, &epoch, &why), err);
    CHECK_EQ(epoch, 12345);
    CHECK(why != NULL && strlen(why) > 10);
}

static size_t load(char *bytes, size_t n_bytes)
{
    FILE *f = fopen(path, "rb");

    CHECK(f != NULL);
    n_bytes = fread(bytes, 1, n_bytes, f);
    fclose(f);
    return n_bytes;
}

static void store(const char *bytes, size_t n_bytes)
{
    FILE *f = fopen(path, "wb");

    CHECK(f != NULL && fwrite(bytes, 1, n_bytes, f) == n_bytes);
    CHECK_EQ(fclose(f), 0);
}

static void store_epoch(uint32_t epoch)
{
    char line[LINE_BYTES + 1];

    render(line, epoch);
    store(line, LINE_BYTES);
}

/* ---- Promises -------------------------------------------------------------------------------- */

static void the_first_epoch_is_one_and_each_is_the_next(void)
{
    char line[100] = {0};

    begin();
    for (uint32_t i = 1; i <= 12; i++)
        CHECK_EQ(take(), i);
    CHECK_EQ(load(line, sizeof(line)), LINE_BYTES);
    CHECK_EQ(strncmp(line, "redline epoch 00000012 ", 23), 0);
    CHECK(line[LINE_BYTES - 1] == '\n');
    end();
}

static void an_epoch_is_on_the_disk_before_it_is_returned(bool is_broken)
{
    begin();
    skips_fsync = is_broken;
    take();
    CHECK_EQ(disk.is_written && disk.is_file_safe && disk.is_renamed && disk.is_folder_safe,
             !is_broken);
    end();
}

static void a_file_cut_short_at_any_byte_is_refused_and_left_alone(void)
{
    char line[LINE_BYTES + 1], seen[100];

    begin();
    render(line, 7);
    for (size_t n = 0; n < LINE_BYTES; n++) {
        store(line, n);
        refuses(-EBADMSG);
        CHECK_EQ(load(seen, sizeof(seen)), (int64_t)n);
    }
    for (char extra = 0; extra < 2; extra++) {
        line[LINE_BYTES] = extra == 0 ? '\n' : '\0';
        store(line, LINE_BYTES + 1);
        refuses(-EBADMSG);
    }
    store(line, LINE_BYTES);
    CHECK_EQ(take(), 8);
    end();
}

static void a_file_with_any_bit_flipped_is_refused(void)
{
    char line[LINE_BYTES + 1];

    begin();
    for (size_t bit = 0; bit < LINE_BYTES * 8; bit++) {
        render(line, 7);
        line[bit / 8] ^= (char)(1 << bit % 8);
        store(line, LINE_BYTES);
        refuses(-EBADMSG);
    }
    end();
}

static void an_epoch_outside_its_range_is_refused(void)
{
    begin();
    store_epoch(0);
    refuses(-EBADMSG);
    store_epoch(RL_ID_EPOCH_MAX + 1);
    refuses(-EBADMSG);
    store_epoch(RL_ID_EPOCH_MAX - 1);
    CHECK_EQ(take(), RL_ID_EPOCH_MAX);
    refuses(-EOVERFLOW);
    refuses(-EOVERFLOW);
    end();
}

static void a_call_that_fails_gives_no_epoch_and_repeats_none(void)
{
    uint32_t last;

    begin();
    take(); /* the first one has nothing to read */
    n_calls = 0;
    last = take();
    CHECK_EQ(n_calls, N_CALLS);
    for (unsigned at = 1; at <= N_CALLS; at++) {
        uint32_t epoch;

        n_calls = 0;
        fail_at = at;
        refuses(-EIO);
        fail_at = 0;
        epoch = take();
        CHECK(epoch > last);
        last = epoch;
    }
    end();
}

/* A process that takes epochs and says each one over a pipe, until it is killed. */
static pid_t taker(int to, unsigned dies_at_call, unsigned n_takes)
{
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid != 0)
        return pid;
    n_calls = 0;
    kill_at = dies_at_call;
    while (n_takes-- != 0) {
        uint32_t epoch = take();

        if (write(to, &epoch, sizeof(epoch)) != sizeof(epoch))
            _exit(1);
    }
    _exit(0);
}

static void whoever_is_killed_at_whatever_call_has_used_up_what_it_said(void)
{
    uint32_t last = 0;
    int pipe_fds[2];

    begin();
    CHECK_EQ(pipe(pipe_fds), 0);
    CHECK_EQ(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK), 0);
    for (unsigned at = 1; at <= 3 * N_CALLS; at++) {
        pid_t pid = taker(pipe_fds[1], at, 3);
        uint32_t epoch;
        int status;

        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        while (read(pipe_fds[0], &epoch, sizeof(epoch)) == sizeof(epoch)) {
            CHECK(epoch > last);
            last = epoch;
        }
        epoch = take();
        CHECK(epoch > last);
        last = epoch;
    }
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    end();
}

static void whoever_is_killed_at_any_moment_has_used_up_what_it_said(void)
{
    uint64_t random = 20;
    uint32_t last = 0, n_said = 0;
    int pipe_fds[2];

    begin();
    CHECK_EQ(pipe(pipe_fds), 0);
    CHECK_EQ(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < 60; i++) {
        pid_t pid = taker(pipe_fds[1], 0, 1000000);
        uint32_t epoch;

        usleep((useconds_t)(check_random(&random) % 4000));
        CHECK_EQ(kill(pid, SIGKILL), 0);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
        for (; read(pipe_fds[0], &epoch, sizeof(epoch)) == sizeof(epoch); n_said++) {
            CHECK(epoch > last);
            last = epoch;
        }
    }
    CHECK(take() > last);
    printf("%u epochs from 60 processes that were killed\n", n_said);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    end();
}

static void several_at_once_each_get_their_own(void)
{
    enum { N_TAKERS = 4, N_TAKES = 25 };
    bool is_given[N_TAKERS * N_TAKES + 1] = {0};
    pid_t pids[N_TAKERS];
    int pipe_fds[2];

    begin();
    CHECK_EQ(pipe(pipe_fds), 0);
    for (int i = 0; i < N_TAKERS; i++)
        pids[i] = taker(pipe_fds[1], 0, N_TAKES);
    for (int i = 0; i < N_TAKERS; i++) {
        int status;

        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    close(pipe_fds[1]);
    for (int i = 0; i < N_TAKERS * N_TAKES; i++) {
        uint32_t epoch = 0;

        CHECK_EQ(read(pipe_fds[0], &epoch, sizeof(epoch)), sizeof(epoch));
        CHECK(epoch >= 1 && epoch <= N_TAKERS * N_TAKES && !is_given[epoch]);
        is_given[epoch] = true;
    }
    close(pipe_fds[0]);
    end();
}

static void a_path_that_cannot_be_a_file_is_refused(void)
{
    char name[400];

    begin();
    CHECK_EQ(mkdir(path, 0700), 0);
    refuses(-EISDIR);
    CHECK_EQ(rmdir(path), 0);
    CHECK_EQ(symlink("/dev/null", path), 0);
    refuses(-ELOOP);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(mkfifo(path, 0600), 0);
    refuses(-EBADMSG); /* and does not wait for a writer */
    end();

    begin();
    snprintf(path, sizeof(path), "%s/none/epoch", folder);
    refuses(-ENOENT);
    snprintf(path, sizeof(path), "%s/", folder);
    refuses(-EINVAL);
    {
        const char *why;
        uint32_t epoch;

        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        CHECK_EQ(rl_epoch_take(name, &epoch, &why), -EINVAL);
    }
    CHECK_EQ(rmdir(folder), 0);
}

static void a_name_without_a_folder_is_in_the_current_one(void)
{
    begin();
    CHECK_EQ(chdir(folder), 0);
    snprintf(path, sizeof(path), "epoch");
    CHECK_EQ(take(), 1);
    CHECK_EQ(take(), 2);
    snprintf(path, sizeof(path), "%s/epoch", folder);
    CHECK_EQ(take(), 3);
    CHECK_EQ(chdir("/"), 0);
    end();
}

int main(void)
{
    the_first_epoch_is_one_and_each_is_the_next();
    an_epoch_is_on_the_disk_before_it_is_returned(false);
    an_epoch_is_on_the_disk_before_it_is_returned(true);
    a_file_cut_short_at_any_byte_is_refused_and_left_alone();
    a_file_with_any_bit_flipped_is_refused();
    an_epoch_outside_its_range_is_refused();
    a_call_that_fails_gives_no_epoch_and_repeats_none();
    whoever_is_killed_at_whatever_call_has_used_up_what_it_said();
    whoever_is_killed_at_any_moment_has_used_up_what_it_said();
    several_at_once_each_get_their_own();
    a_path_that_cannot_be_a_file_is_refused();
    a_name_without_a_folder_is_in_the_current_one();
    return 0;
}
