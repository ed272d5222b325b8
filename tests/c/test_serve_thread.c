/*
 * An exchange on a thread of its own can be looked at and decided about from others, says goodbye
 * when it is stopped, and gives everything back.
 */
#include <pthread.h>

#include "rig/exchange/serve_thread.h"
#include "serve_peers.h"

#define N_ASKING 3
#define N_LOOKS 50

static struct rl_serve_thread *thread;

static void look(struct rl_serve *s, void *context)
{
    struct rl_serve_ends unused;

    rl_serve_count(s, context, &unused);
}

/* Waits for it without turning: that is the thread's. */
static size_t hear_text(int fd, char *out, size_t n_max, const char *wanted)
{
    size_t n = 0;

    for (int i = 0; i < 5000; i++) {
        ssize_t k = recv(fd, out + n, n_max - 1 - n, 0);

        if (k == 0)
            break;
        if (k > 0) {
            n += (size_t)k;
            out[n] = '\0';
            if (wanted && strstr(out, wanted))
                return n;
            continue;
        }
        CHECK(errno == EAGAIN);
        usleep(1000);
    }
    out[n] = '\0';
    CHECK(!wanted);
    return n;
}

static int logged_on_client(const char *name)
{
    struct fix_client c = {.begin = "FIX.4.4", .name = name, .venue = "REDLINE", .next_out = 1};
    char message[8192], answer[8192];
    uint32_t n;

    c.fd = raw_client(RL_SERVE_FIX);
    n = client_write(&c, message, "A", "98=0|108=30|");
    CHECK_EQ(send(c.fd, message, n, MSG_NOSIGNAL), n);
    hear_text(c.fd, answer, sizeof answer, "\00135=A\001");
    return c.fd;
}

static void *keep_looking(void *unused)
{
    struct rl_serve_counters n;
    uint64_t before = 0;

    (void)unused;
    for (int i = 0; i < N_LOOKS; i++) {
        rl_serve_thread_do(thread, look, &n);
        CHECK(n.logons >= before);
        before = n.logons;
    }
    return NULL;
}

static void test_many_may_look_while_it_serves(void)
{
    struct rl_serve_config config = small_exchange();
    pthread_t asking[N_ASKING];
    struct rl_serve_counters n;
    int fds[4];

    open_exchange(&config);
    CHECK_EQ(rl_serve_thread_start(&thread, serve, -1), 0);
    for (int i = 0; i < N_ASKING; i++)
        CHECK_EQ(pthread_create(&asking[i], NULL, keep_looking, NULL), 0);
    for (int i = 0; i < 4; i++) {
        char name[16];

        snprintf(name, sizeof name, "C%d", i);
        fds[i] = logged_on_client(name);
    }
    for (int i = 0; i < N_ASKING; i++)
        CHECK_EQ(pthread_join(asking[i], NULL), 0);
    rl_serve_thread_do(thread, look, &n);
    CHECK_EQ(n.logons, 4);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    rl_serve_thread_close(thread);
    close_exchange();
}

static void test_stopping_says_goodbye_and_waits_for_the_answer(void)
{
    struct rl_serve_config config = small_exchange();
    struct rl_serve_counters n;
    char last[8192];
    int fd;

    open_exchange(&config);
    CHECK_EQ(rl_serve_thread_start(&thread, serve, -1), 0);
    fd = logged_on_client("POLITE");
    rl_serve_thread_stop(thread, 50 * MS); /* he does not answer: not for ever, then */
    rl_serve_thread_stop(thread, 50 * MS);
    hear_text(fd, last, sizeof last, "\00135=5\001");
    rl_serve_thread_do(thread, look, &n); /* in this thread now */
    CHECK_EQ(n.logons, 1);
    rl_serve_thread_close(thread);
    close_exchange();
    hear_text(fd, last, sizeof last, NULL);
    close(fd);
}

static void test_a_cpu_that_is_not_there_is_refused(void)
{
    struct rl_serve_config config = small_exchange();

    open_exchange(&config);
    CHECK_EQ(rl_serve_thread_start(&thread, serve, 1 << 20), -EINVAL);
    CHECK(thread == NULL);
    CHECK_EQ(rl_serve_thread_start(&thread, serve, -1), 0); /* it is the caller's still */
    rl_serve_thread_close(thread);
    rl_serve_thread_close(NULL);
    close_exchange();
}

int main(void)
{
    test_many_may_look_while_it_serves();
    test_stopping_says_goodbye_and_waits_for_the_answer();
    test_a_cpu_that_is_not_there_is_refused();
    return 0;
}
