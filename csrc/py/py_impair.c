/* Impair: exact faults for the packets of an interface, or of a port that asks. */
#include "py/py_impair.h"

#include "net/bpf/impair.h"
#include "net/netns.h"
#include "py/py_port_config.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct py_impair {
    PyObject_HEAD
    struct rl_impair *impair; /* NULL once closed */
    int n_users;              /* ports whose program asks it */
};

static struct py_impair *self_of(PyObject *op)
{
    return (struct py_impair *)op;
}

static PyObject *module_of(PyObject *op)
{
    return PyType_GetModule(Py_TYPE(op));
}

static struct rl_impair *impair_of(PyObject *op)
{
    if (!self_of(op)->impair)
        PyErr_SetString(PyExc_ValueError, "the table is closed");
    return self_of(op)->impair;
}

static PyObject *impair_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"actions", "udp_port", "corrupt_at", NULL};
    struct rl_impair_config config = {0};
    char why[RL_BPF_WHY] = "";
    struct py_impair *self;
    struct rl_impair *impair;
    unsigned int udp_port;
    Py_buffer actions;
    int err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$y*II:Impair", names, &actions, &udp_port,
                                     &config.corrupt_at))
        return NULL;
    self = self_of(((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0));
    impair = PyMem_Calloc(1, sizeof *impair);
    if (!self || !impair) {
        PyMem_Free(impair);
        Py_XDECREF((PyObject *)self);
        PyBuffer_Release(&actions);
        return PyErr_NoMemory();
    }
    config.actions = actions.buf;
    config.n_actions = actions.len > RL_IMPAIR_MAX_ACTIONS ? 0 : (uint32_t)actions.len;
    config.udp_port = (uint16_t)udp_port;
    if (udp_port > UINT16_MAX) {
        err = -EINVAL;
        snprintf(why, sizeof why, "udp_port: above 65535: %u", udp_port);
    } else {
        Py_BEGIN_ALLOW_THREADS
        err = rl_impair_open(impair, &config, why);
        if (err)
            rl_impair_close(impair);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&actions);
    if (err) {
        PyMem_Free(impair);
        Py_DECREF((PyObject *)self);
        return core_raise(PyType_GetModule(type), err, why);
    }
    self->impair = impair;
    return (PyObject *)self;
}

static void give_back(struct py_impair *self)
{
    struct rl_impair *impair = self->impair;

    self->impair = NULL;
    if (!impair)
        return;
    Py_BEGIN_ALLOW_THREADS
    rl_impair_close(impair);
    Py_END_ALLOW_THREADS
    PyMem_Free(impair);
}

static void impair_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    give_back(self_of(op));
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static PyObject *impair_close(PyObject *op, PyObject *unused)
{
    (void)unused;
    if (self_of(op)->n_users > 0)
        return PyErr_Format(PyExc_BufferError, "%d ports ask this table: close them first",
                            self_of(op)->n_users);
    give_back(self_of(op));
    Py_RETURN_NONE;
}

const struct rl_impair *py_impair_borrow(PyObject *op)
{
    /* One module, one type of that deallocator: no need of the module's state here. */
    if (PyType_GetSlot(Py_TYPE(op), Py_tp_dealloc) != (void *)impair_dealloc) {
        PyErr_SetString(PyExc_TypeError, "impair: not an Impair");
        return NULL;
    }
    if (impair_of(op))
        self_of(op)->n_users++;
    return self_of(op)->impair;
}

void py_impair_return(PyObject *op)
{
    if (op)
        self_of(op)->n_users--;
}

/* ---- Attaching ----------------------------------------------------------------------------------
 */

static int hook_get(const char *text, enum rl_impair_hook *hook)
{
    for (unsigned i = 0; i < RL_N_IMPAIR_HOOKS; i++) {
        if (strcmp(text, rl_impair_hook_name((enum rl_impair_hook)i)) == 0) {
            *hook = (enum rl_impair_hook)i;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "hook: no such one: %s", text);
    return -1;
}

/* In the namespace of netns_fd, without the GIL. */
static int attach(struct rl_impair *impair, int netns_fd, const char *interface, bool is_egress,
                  enum rl_impair_hook hook, char why[RL_BPF_WHY])
{
    int back, err = rl_netns_enter(netns_fd, &back);
    unsigned int ifindex;

    if (err) {
        snprintf(why, RL_BPF_WHY, "entering the network namespace: %s%s", strerror(-err),
                 err == -EPERM ? " (CAP_SYS_ADMIN is missing)" : "");
        return err;
    }
    ifindex = if_nametoindex(interface);
    if (ifindex == 0) {
        err = -ENODEV;
        snprintf(why, RL_BPF_WHY, "%s: no such interface", interface);
    } else {
        err = rl_impair_attach(impair, ifindex, is_egress, hook, why);
    }
    rl_netns_leave(back);
    return err;
}

static PyObject *impair_attach(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"interface", "is_egress", "hook", "netns", NULL};
    struct rl_impair *impair = impair_of(op);
    char name[16], why[RL_BPF_WHY] = "";
    const char *interface, *hook_name;
    PyObject *netns = NULL;
    enum rl_impair_hook hook;
    int is_egress, netns_fd, err;

    if (!impair)
        return NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "$spsO&:attach", names, &interface, &is_egress,
                                     &hook_name, core_path_get, &netns) ||
        py_interface_get(interface, name) < 0 || hook_get(hook_name, &hook) < 0 ||
        py_netns_open(module_of(op), netns, &netns_fd) < 0) {
        Py_XDECREF(netns);
        return NULL;
    }
    Py_XDECREF(netns);
    /* With the GIL: another thread must not close it meanwhile, and it takes a millisecond. */
    err = attach(impair, netns_fd, name, is_egress, hook, why);
    if (netns_fd >= 0)
        close(netns_fd);
    if (err)
        return core_raise(module_of(op), err, why);
    Py_RETURN_NONE;
}

static PyObject *impair_detach(PyObject *op, PyObject *unused)
{
    struct rl_impair *impair = impair_of(op);

    (void)unused;
    if (!impair)
        return NULL;
    rl_impair_detach(impair);
    Py_RETURN_NONE;
}

static PyObject *impair_restart(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"actions", NULL};
    struct rl_impair *impair = impair_of(op);
    Py_buffer actions = {0};
    int err;

    if (!impair || !PyArg_ParseTupleAndKeywords(args, kw, "z*:restart", names, &actions))
        return NULL;
    if (actions.buf && actions.len != impair->n_actions) {
        PyErr_Format(PyExc_ValueError, "the table has %u actions, not %zd", impair->n_actions,
                     actions.len);
        PyBuffer_Release(&actions);
        return NULL;
    }
    err = rl_impair_restart(impair, actions.buf);
    if (actions.obj)
        PyBuffer_Release(&actions);
    if (err)
        return core_raise(module_of(op), err, "no such action");
    Py_RETURN_NONE;
}

static PyObject *impair_counters(PyObject *op, PyObject *unused)
{
    struct rl_impair *impair = impair_of(op);
    struct rl_impair_counts counts;

    (void)unused;
    if (!impair)
        return NULL;
    counts = rl_impair_counts_now(impair);
    return core_counters_named(rl_impair_counter_names, &counts);
}

static PyObject *impair_hook(PyObject *op, void *unused)
{
    struct rl_impair *impair = impair_of(op);

    (void)unused;
    if (!impair)
        return NULL;
    if (impair->hook == RL_IMPAIR_HOOK_AUTO)
        Py_RETURN_NONE;
    return PyUnicode_FromString(rl_impair_hook_name(impair->hook));
}

PyDoc_STRVAR(impair_doc, "Impair(*, actions, udp_port, corrupt_at)\n--\n\n"
                         "What happens to the n-th packet of a flow (csrc/net/bpf/impair.h).");
PyDoc_STRVAR(attach_doc, "attach($self, /, *, interface, is_egress, hook, netns)\n--\n\n"
                         "To an interface, by tcx or clsact.");

static PyMethodDef impair_methods[] = {
    {"attach", RL_PY_KEYWORDS(impair_attach), attach_doc},
    {"detach", impair_detach, METH_NOARGS, "detach($self, /)\n--\n\nFrom its interface."},
    {"restart", RL_PY_KEYWORDS(impair_restart),
     "restart($self, /, actions)\n--\n\nThe next packet is the first of these, or of the same."},
    {"counters", impair_counters, METH_NOARGS, "counters($self, /)\n--\n\nWhat was done so far."},
    {"close", impair_close, METH_NOARGS,
     "close($self, /)\n--\n\nDetach and free; BufferError while a port asks it."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef impair_getset[] = {
    {"hook", impair_hook, NULL, "how it is attached: tcx, clsact; None: not to an interface", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot impair_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t)impair_doc},
    {Py_tp_new, impair_new},
    {Py_tp_dealloc, impair_dealloc},
    {Py_tp_methods, impair_methods},
    {Py_tp_getset, impair_getset},
    {0, NULL},
};

PyType_Spec impair_spec = {
    .name = "engine._core.Impair",
    .basicsize = sizeof(struct py_impair),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = impair_slots,
};
