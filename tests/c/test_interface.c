/*
 * An interface is described as the kernel has it, in the namespace of the caller; one that is not
 * there is refused in a sentence.
 */
#include <net/if.h>

#include "net/interface.h"
#include "veth.h"

static struct veth v;

static struct rl_interface read_at(const struct veth_end *e, const char *name)
{
    struct rl_interface i;
    char why[160];
    int back;

    CHECK_EQ(rl_netns_enter(e->netns_fd, &back), 0);
    CHECK_EQ(rl_interface_read(&i, name, why, sizeof(why)), 0);
    rl_netns_leave(back);
    return i;
}

static void refused_at(const struct veth_end *e, const char *name, int wanted, const char *word)
{
    struct rl_interface i;
    char why[160] = "";
    int back;

    CHECK_EQ(rl_netns_enter(e->netns_fd, &back), 0);
    CHECK_EQ(rl_interface_read(&i, name, why, sizeof(why)), wanted);
    CHECK(strstr(why, word) != NULL);
    rl_netns_leave(back);
}

static void test_an_interface_is_described(void)
{
    for (int k = 0; k < 2; k++) {
        struct rl_interface i = read_at(&v.end[k], v.end[k].interface);

        CHECK(strcmp(i.name, v.end[k].interface) == 0);
        CHECK(strcmp(i.driver, "veth") == 0);
        CHECK_EQ(i.index, v.end[k].index);
        CHECK_EQ(i.mtu, 1500);
        CHECK(memcmp(i.mac, v.end[k].mac, 6) == 0);
        CHECK(i.is_up && i.has_carrier && i.is_ethernet);
        CHECK_EQ(i.n_queues, 1);
    }
}

static void test_what_changes_is_seen(void)
{
    struct rl_interface i;

    veth_set_mtu(&v.end[0], 9000);
    CHECK_EQ(read_at(&v.end[0], v.end[0].interface).mtu, 9000);
    CHECK_EQ(read_at(&v.end[1], v.end[1].interface).mtu, 1500); /* each end has its own */
    veth_set_mtu(&v.end[0], 1500);
    veth_set_up(&v.end[0], false);
    CHECK(!read_at(&v.end[0], v.end[0].interface).is_up);
    i = read_at(&v.end[1], v.end[1].interface);
    CHECK(i.is_up && !i.has_carrier); /* the cable ends nowhere */
    veth_set_up(&v.end[0], true);
    CHECK(read_at(&v.end[0], v.end[0].interface).is_up);
}

static void test_loopback_is_known_for_what_it_is(void)
{
    struct rl_interface i = read_at(&v.end[0], "lo");

    CHECK(i.is_ethernet && !i.is_up); /* its frames have headers of zeros */
    CHECK_EQ(i.n_queues, 1);
}

static void test_what_is_not_there_is_refused_in_a_sentence(void)
{
    refused_at(&v.end[0], "rl-none", -ENODEV, "'rl-none': there is none");
    refused_at(&v.end[0], v.end[1].interface, -ENODEV, "namespace"); /* the other one's */
    refused_at(&v.end[0], "", -EINVAL, "none is named");
    refused_at(&v.end[0], "a-name-of-17-char", -EINVAL, "at most 15");
}

/* Does the kernel listen to this MAC at the end? */
static bool hears(const struct veth_end *e, const char *mac)
{
    char line[256];
    bool found = false;
    FILE *file;
    int back;

    CHECK_EQ(rl_netns_enter(e->netns_fd, &back), 0);
    file = fopen("/proc/thread-self/net/dev_mcast", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL)
        found |= strstr(line, e->interface) != NULL && strstr(line, mac) != NULL;
    fclose(file);
    rl_netns_leave(back);
    return found;
}

static void test_a_group_is_heard_as_long_as_somebody_wants_it(void)
{
    const uint8_t group[6] = {0x01, 0x00, 0x5E, 0x01, 0x02, 0x03};
    const uint8_t second[6] = {2, 0, 0, 0, 0, 0x77};
    int back, fd, other;

    CHECK(!hears(&v.end[0], "01005e010203"));
    CHECK_EQ(rl_netns_enter(v.end[0].netns_fd, &back), 0);
    fd = rl_interface_hear(v.end[0].index, group);
    other = rl_interface_hear(v.end[0].index, second);
    if (fd == -EPERM)
        veth_skip("no other MAC can be heard (needs CAP_NET_RAW)", fd);
    CHECK_EQ(rl_interface_hear(9999, group), -ENODEV);
    rl_netns_leave(back);
    CHECK(fd >= 0 && other >= 0);
    CHECK(hears(&v.end[0], "01005e010203"));
    CHECK(!hears(&v.end[1], "01005e010203"));
    close(fd);
    close(other);
    CHECK(!hears(&v.end[0], "01005e010203"));
}

int main(void)
{
    veth_open(&v);
    test_an_interface_is_described();
    test_what_changes_is_seen();
    test_loopback_is_known_for_what_it_is();
    test_what_is_not_there_is_refused_in_a_sentence();
    test_a_group_is_heard_as_long_as_somebody_wants_it();
    veth_close(&v);
    return 0;
}
