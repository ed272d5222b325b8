/* Xdp: a program of ours in a driver that needs nobody else: it echoes, or counts. */
#include "net/bpf/count.h"
#include "net/bpf/echo.h"
#include "net/netns.h"
#include "py/module.h"
#include "py/py_port_config.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct py_xdp {
    PyObject_HEAD
    bool is_open, is_echo;
    struct rl_xdp_echo echo;
    struct rl_xdp_count count;
};

static struct py_xdp *self_of(PyObject *op)
{
    return (struct py_xdp *)op;
}

static struct py_xdp *open_of(PyObject *op)
{
    if (self_of(op)->is_open)
        return self_of(op);
    PyErr_SetString(PyExc_ValueError, "the program is closed");
    return NULL;
}

struct wanted {
    const char *kind, *interface;
    int netns_fd;
    enum rl_xdp_hook hook;
    uint16_t udp_port;
    bool drops;
};

/* In the wanted namespace; 0 or -errno and a sentence. */
static int xdp_open(struct py_xdp *self, const struct wanted *w, char why[RL_BPF_WHY])
{
    int back, err = rl_netns_enter(w->netns_fd, &back);
    unsigned int ifindex;

    if (err) {
        snprintf(why, RL_BPF_WHY, "entering the network namespace: %s%s", strerror(-err),
                 err == -EPERM ? " (CAP_SYS_ADMIN is missing)" : "");
        return err;
    }
    ifindex = if_nametoindex(w->interface);
    if (ifindex == 0) {
        err = -ENODEV;
        snprintf(why, RL_BPF_WHY, "%s: no such interface", w->interface);
    } else if (self->is_echo) {
        err = rl_xdp_echo_open(&self->echo, ifindex, w->hook, w->udp_port, why);
    } else {
        struct rl_xdp_count_config config = {
            .ifindex = ifindex, .hook = w->hook, .udp_port = w->udp_port, .drops = w->drops};

        err = rl_xdp_count_open(&self->count, &config, why);
    }
    rl_netns_leave(back);
    return err;
}

static int wanted_get(struct wanted *w, const char *hook, unsigned int udp_port)
{
    char name[16];

    if (strcmp(w->kind, "echo") != 0 && strcmp(w->kind, "count") != 0) {
        PyErr_Format(PyExc_ValueError, "kind: neither echo nor count: %s", w->kind);
        return -1;
    }
    for (w->hook = 0; w->hook < RL_N_XDP_HOOKS; w->hook++) {
        if (strcmp(hook, rl_xdp_hook_name(w->hook)) == 0)
            break;
    }
    if (w->hook == RL_N_XDP_HOOKS) {
        PyErr_Format(PyExc_ValueError, "hook: no such one: %s", hook);
        return -1;
    }
    if (udp_port > UINT16_MAX) {
        PyErr_Format(PyExc_ValueError, "udp_port: above 65535: %u", udp_port);
        return -1;
    }
    w->udp_port = (uint16_t)udp_port;
    return py_interface_get(w->interface, name);
}

static PyObject *xdp_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"kind", "interface", "netns", "hook", "udp_port", "drops", NULL};
    PyObject *netns = NULL, *module = PyType_GetModule(type);
    struct wanted w = {.netns_fd = -1};
    struct py_xdp *self = NULL;
    char why[RL_BPF_WHY] = "";
    unsigned int udp_port;
    const char *hook;
    int drops, err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$ssO&sIp:Xdp", names, &w.kind, &w.interface,
                                     core_path_get, &netns, &hook, &udp_port, &drops) ||
        wanted_get(&w, hook, udp_port) < 0 || py_netns_open(module, netns, &w.netns_fd) < 0)
        goto out;
    w.drops = drops;
    self = self_of(((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0));
    if (!self)
        goto out;
    self->is_echo = strcmp(w.kind, "echo") == 0;
    Py_BEGIN_ALLOW_THREADS
    err = xdp_open(self, &w, why);
    Py_END_ALLOW_THREADS
    self->is_open = err == 0;
    if (err) {
        core_raise(module, err, why);
        Py_DECREF((PyObject *)self);
        self = NULL;
    }
out:
    if (w.netns_fd >= 0)
        close(w.netns_fd);
    Py_XDECREF(netns);
    return (PyObject *)self;
}

static void give_back(struct py_xdp *self)
{
    if (!self->is_open)
        return;
    self->is_open = false;
    if (self->is_echo)
        rl_xdp_echo_close(&self->echo);
    else
        rl_xdp_count_close(&self->count);
}

static void xdp_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    give_back(self_of(op));
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static PyObject *xdp_close(PyObject *op, PyObject *unused)
{
    (void)unused;
    give_back(self_of(op));
    Py_RETURN_NONE;
}

static PyObject *xdp_n_frames(PyObject *op, void *unused)
{
    struct py_xdp *self = open_of(op);

    (void)unused;
    if (!self)
        return NULL;
    return PyLong_FromUnsignedLongLong(self->is_echo ? rl_xdp_echo_n_frames(&self->echo)
                                                     : rl_xdp_count_n_frames(&self->count));
}

static PyObject *xdp_hook(PyObject *op, void *unused)
{
    struct py_xdp *self = open_of(op);

    (void)unused;
    if (!self)
        return NULL;
    return PyUnicode_FromString(
        rl_xdp_hook_name(self->is_echo ? self->echo.link.hook : self->count.link.hook));
}

PyDoc_STRVAR(xdp_doc, "Xdp(*, kind, interface, netns, hook, udp_port, drops)\n--\n\n"
                      "A program in a driver: an echo or a counter (csrc/net/bpf).");

static PyMethodDef xdp_methods[] = {
    {"close", xdp_close, METH_NOARGS, "close($self, /)\n--\n\nDetach; harmless twice."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef xdp_getset[] = {
    {"n_frames", xdp_n_frames, NULL, "frames sent back, or counted", NULL},
    {"hook", xdp_hook, NULL, "what was obtained: native or generic", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot xdp_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t)xdp_doc},
    {Py_tp_new, xdp_new},
    {Py_tp_dealloc, xdp_dealloc},
    {Py_tp_methods, xdp_methods},
    {Py_tp_getset, xdp_getset},
    {0, NULL},
};

PyType_Spec xdp_spec = {
    .name = "engine._core.Xdp",
    .basicsize = sizeof(struct py_xdp),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = xdp_slots,
};
