/* Port: one end of a network path, held by Python and used by loops in C. */
#include "py/py_port_inner.h"

#include "net/port/port_open.h"
#include "py/py_impair.h"
#include "py/py_port_config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAX_BURST 4096 /* frames that one receive() copies */

/* NULL with an exception when it is closed or somebody works with it. */
static struct py_port *port_idle(PyObject *op)
{
    struct py_port *self = py_port_self(op);

    if (!self->port)
        PyErr_SetString(PyExc_ValueError, "the port is closed");
    else if (self->is_in_use)
        PyErr_SetString(PyExc_BufferError, "the port is in use: end what runs on it first");
    else
        return self;
    return NULL;
}

/* ---- Opening ------------------------------------------------------------------------------------
 */

static PyObject *port_alloc(PyTypeObject *type)
{
    return ((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
}

/* Opens what `c` says in the namespace at `netns`; -1 with an exception. */
static int port_open(PyTypeObject *type, struct py_port *self, struct rl_port_config *c,
                     PyObject *netns)
{
    char why[RL_PORT_WHY] = "";
    int err;

    if (py_netns_open(PyType_GetModule(type), netns, &c->netns_fd) < 0)
        return -1;
    Py_BEGIN_ALLOW_THREADS
    err = rl_port_open(&self->port, c, why);
    if (c->netns_fd >= 0)
        close(c->netns_fd);
    Py_END_ALLOW_THREADS
    if (err)
        core_raise(PyType_GetModule(type), err, why);
    return err ? -1 : 0;
}

static PyObject *port_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    struct py_port *self = py_port_self(port_alloc(type));
    struct rl_port_config config = {0};
    PyObject *netns = NULL, *impair = Py_None;
    int err;

    if (!self)
        return NULL;
    err = py_port_config_get(args, kw, &config, &netns, &impair);
    if (!err && impair != Py_None) {
        config.impair = py_impair_borrow(impair);
        if (config.impair)
            self->impair = Py_NewRef(impair);
        else
            err = -1;
    }
    if (!err)
        err = port_open(type, self, &config, netns);
    Py_XDECREF(netns);
    if (err)
        Py_CLEAR(self);
    return (PyObject *)self;
}

PyObject *port_cable(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"n_bytes_each_way", NULL};
    PyTypeObject *type = ((struct core_state *)PyModule_GetState(module))->port_type;
    struct py_port *ends[2] = {NULL, NULL};
    struct py_cable *cable = NULL;
    struct rl_arena arena = {0};
    unsigned long long n_bytes;
    int err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "K:port_cable", names, &n_bytes))
        return NULL;
    if (n_bytes < 64 || n_bytes > 1ULL << 32 || (n_bytes & (n_bytes - 1)) != 0)
        return PyErr_Format(PyExc_ValueError, "a cable has a power of two of bytes, 64 to 4 Gi");
    err = rl_arena_open(&arena, 2 * n_bytes + 4 * RL_RING_APART + sizeof *cable, RL_ARENA_ALL);
    if (!err) {
        cable = rl_arena_take(&arena, sizeof *cable, RL_CACHE_LINE);
        err = rl_cable_open(&cable->cable, &arena, n_bytes);
    }
    if (err) {
        rl_arena_close(&arena);
        return core_raise(module, err, NULL);
    }
    cable->arena = arena;
    for (int i = 0; i < 2; i++) {
        ends[i] = py_port_self(port_alloc(type));
        if (!ends[i])
            break;
        ends[i]->port = cable->cable.end[i];
        ends[i]->cable = cable;
        cable->n_ends++;
    }
    if (!ends[1]) {
        if (!ends[0])
            rl_arena_close(&arena);
        Py_XDECREF((PyObject *)ends[0]);
        return NULL;
    }
    return Py_BuildValue("NN", ends[0], ends[1]);
}

/* ---- Closing ------------------------------------------------------------------------------------
 */

static void give_back(struct py_port *self)
{
    struct rl_port *port = self->port;
    struct py_cable *cable = self->cable;

    self->port = NULL;
    self->cable = NULL;
    if (cable) {
        if (--cable->n_ends == 0) {
            struct rl_arena arena = cable->arena; /* it lies inside */

            rl_arena_close(&arena);
        }
    } else {
        Py_BEGIN_ALLOW_THREADS
        rl_port_close(port);
        Py_END_ALLOW_THREADS
    }
    py_impair_return(self->impair);
    Py_CLEAR(self->impair);
}

static void port_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    give_back(py_port_self(op));
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static PyObject *port_close(PyObject *op, PyObject *unused)
{
    (void)unused;
    if (py_port_self(op)->port) {
        if (!port_idle(op))
            return NULL;
        give_back(py_port_self(op));
    }
    Py_RETURN_NONE;
}

static struct py_port *port_of(PyObject *op)
{
    /* One module, one type of that deallocator: no need of the module's state here. */
    return PyType_GetSlot(Py_TYPE(op), Py_tp_dealloc) == (void *)port_dealloc ? py_port_self(op)
                                                                              : NULL;
}

struct rl_port *py_port_borrow(PyObject *op, PyObject **held)
{
    PyObject *core = Py_NewRef(op);

    *held = NULL;
    if (!port_of(op)) {
        Py_DECREF(core);
        core = PyObject_GetAttrString(op, "core");
        if (!core || !port_of(core)) {
            Py_XDECREF(core);
            PyErr_Format(PyExc_TypeError, "not a Port: %R", op);
            return NULL;
        }
    }
    if (!port_idle(core)) {
        Py_DECREF(core);
        return NULL;
    }
    py_port_self(core)->is_in_use = true;
    *held = core;
    return py_port_self(core)->port;
}

void py_port_return(PyObject *held)
{
    if (held)
        py_port_self(held)->is_in_use = false;
    Py_XDECREF(held);
}

/* ---- Frames -------------------------------------------------------------------------------------
 */

static PyObject *port_send(PyObject *op, PyObject *data)
{
    struct py_port *self = port_idle(op);
    bool is_sent = false;
    Py_buffer view;

    if (!self || PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    if (view.len == 0 || (size_t)view.len > self->port->caps.n_bytes_frame_max) {
        PyErr_Format(PyExc_ValueError, "a frame has 1 to %u bytes here, not %zd",
                     self->port->caps.n_bytes_frame_max, view.len);
        PyBuffer_Release(&view);
        return NULL;
    }
    self->is_in_use = true;
    Py_BEGIN_ALLOW_THREADS
    {
        uint8_t *frame = rl_port_tx_reserve(self->port, (uint32_t)view.len);

        if (frame) {
            memcpy(frame, view.buf, (size_t)view.len);
            rl_port_tx_commit(self->port, (uint32_t)view.len);
            rl_port_tx_flush(self->port);
            is_sent = true;
        }
    }
    Py_END_ALLOW_THREADS
    self->is_in_use = false;
    PyBuffer_Release(&view);
    return PyBool_FromLong(is_sent);
}

static PyObject *port_receive(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"max_frames", NULL};
    struct py_port *self = port_idle(op);
    bool has_stamps;
    struct rl_frame *frames;
    unsigned int max;
    PyObject *list;
    uint32_t n;

    if (!self || !PyArg_ParseTupleAndKeywords(args, kw, "I:receive", names, &max))
        return NULL;
    if (max == 0 || max > MAX_BURST)
        return PyErr_Format(PyExc_ValueError, "1 to %d frames are received at once, not %u",
                            MAX_BURST, max);
    frames = PyMem_Calloc(max, sizeof *frames);
    if (!frames)
        return PyErr_NoMemory();
    has_stamps = self->port->caps.stamp != RL_STAMP_NONE;
    self->is_in_use = true;
    Py_BEGIN_ALLOW_THREADS
    n = rl_port_rx_burst(self->port, frames, max);
    Py_END_ALLOW_THREADS
    list = PyList_New(0);
    for (uint32_t i = 0; list && i < n; i++) {
        PyObject *one =
            Py_BuildValue("y#K", (const char *)frames[i].data, (Py_ssize_t)frames[i].n_bytes,
                          has_stamps ? (unsigned long long)frames[i].stamp_ns : 0ULL);

        if (!one || PyList_Append(list, one) < 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    rl_port_rx_release(self->port);
    self->is_in_use = false;
    PyMem_Free(frames);
    return list;
}

static PyObject *port_flush(PyObject *op, PyObject *unused)
{
    struct py_port *self = port_idle(op);

    (void)unused;
    if (!self)
        return NULL;
    self->is_in_use = true;
    Py_BEGIN_ALLOW_THREADS
    rl_port_tx_flush(self->port);
    Py_END_ALLOW_THREADS
    self->is_in_use = false;
    Py_RETURN_NONE;
}

static PyObject *port_wait(PyObject *op, PyObject *unused)
{
    struct py_port *self = port_idle(op);

    (void)unused;
    if (!self)
        return NULL;
    self->is_in_use = true;
    Py_BEGIN_ALLOW_THREADS
    rl_port_rx_wait(self->port);
    Py_END_ALLOW_THREADS
    self->is_in_use = false;
    if (PyErr_CheckSignals() < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(port_doc,
             "Port(*, backend, netns, wait, wants_stamps, n_slots, n_bytes_frame, accel, local, "
             "peer, multicast_interface, is_listener, interface, is_framed, flow, hears, queue, "
             "xdp_mode, impair, speaks_fix)\n--\n\n"
             "One end of a network path (csrc/net/port/port.h).");

static PyMethodDef port_methods[] = {
    {"send", port_send, METH_O,
     "send($self, data, /)\n--\n\nSend one frame now; False when there is no room."},
    {"receive", RL_PY_KEYWORDS(port_receive),
     "receive($self, /, max_frames)\n--\n\nCopies of what is there, with the stamps in ns."},
    {"flush", port_flush, METH_NOARGS, "flush($self, /)\n--\n\nMake what was queued leave."},
    {"wait", port_wait, METH_NOARGS,
     "wait($self, /)\n--\n\nA blocking port sleeps until a frame is there, or for a while."},
    {"stats", py_port_stats, METH_NOARGS, "stats($self, /)\n--\n\nWhat has happened so far."},
    {"reasons", py_port_reasons, METH_NOARGS,
     "reasons($self, /)\n--\n\nFrames refused, by reason; empty when it is not framed."},
    {"caps", py_port_caps, METH_NOARGS, "caps($self, /)\n--\n\nWhat was obtained."},
    {"close", port_close, METH_NOARGS,
     "close($self, /)\n--\n\nGive everything back; BufferError while it is in use."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef port_getset[] = {
    {"local", py_port_local, NULL, "where a socket is bound; None: it is none", NULL},
    {"in_use", py_port_in_use, NULL, "whether a loop has it", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot port_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t)port_doc},
    {Py_tp_new, port_new},
    {Py_tp_dealloc, port_dealloc},
    {Py_tp_methods, port_methods},
    {Py_tp_getset, port_getset},
    {0, NULL},
};

PyType_Spec port_spec = {
    .name = "engine._core.Port",
    .basicsize = sizeof(struct py_port),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = port_slots,
};

PyDoc_STRVAR(cable_doc, "port_cable($module, /, n_bytes_each_way)\n--\n\n"
                        "Two ports of shared memory, crossed.");

PyMethodDef port_functions[] = {
    {"port_cable", RL_PY_KEYWORDS(port_cable), cable_doc},
    {NULL, NULL, 0, NULL},
};
