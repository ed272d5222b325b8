/* Wire: a cable of software between ports, on a thread of its own while it is open. */
#include "py/py_port.h"
#include "py/py_traffic.h"
#include "rig/wire/wire_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PORTS (2 * RL_WIRE_MAX_WAYS)

struct py_wire {
    PyObject_HEAD
    struct rl_wire_runner *runner; /* NULL once closed; an object's memory is not aligned for it */
    uint32_t n_ways;
    bool is_running;
    PyObject *held[MAX_PORTS]; /* ports, each once, while it runs */
    struct rl_port *ports[MAX_PORTS];
    PyObject *given[MAX_PORTS]; /* what they were given as */
    uint32_t n_held;
    Py_buffer actions[RL_WIRE_MAX_WAYS];
};

static struct py_wire *self_of(PyObject *op)
{
    return (struct py_wire *)op;
}

static struct py_wire *open_of(PyObject *op)
{
    if (self_of(op)->runner)
        return self_of(op);
    PyErr_SetString(PyExc_ValueError, "the wire is closed");
    return NULL;
}

/* ---- Opening ------------------------------------------------------------------------------------
 */

static int pauses_get(PyObject *tuple, struct rl_wire_plan *plan)
{
    Py_ssize_t n = PyTuple_Size(tuple);

    if (n < 0 || n > RL_WIRE_PAUSES) {
        PyErr_Format(PyExc_ValueError, "a wire has at most %d pauses", RL_WIRE_PAUSES);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        unsigned long long at_ns, for_ns, every_ns;

        if (!PyArg_ParseTuple(PyTuple_GetItem(tuple, i), "KKK:pause", &at_ns, &for_ns, &every_ns))
            return -1;
        plan->pauses[i] = (struct rl_wire_pause){.at = at_ns, .length = for_ns, .every = every_ns};
    }
    plan->n_pauses = (uint32_t)n;
    return 0;
}

/* In the order of engine.net.wire.WirePlan; the actions stay held in *view. */
static int plan_get(PyObject *tuple, struct rl_wire_plan *plan, Py_buffer *view)
{
    unsigned long long seed, delay_ns, skew_ns, jitter_ns, hold_ns, rate_bps, burst_bytes, queue_ns,
        tolerance_ns;
    int counts_all, overtakes;
    unsigned int udp_port, shape;
    PyObject *pauses;

    if (!PyArg_ParseTuple(tuple, "KpIz*IKKKIpIIIKKKKO!K:plan", &seed, &counts_all, &udp_port, view,
                          &plan->corrupt_at, &delay_ns, &skew_ns, &jitter_ns, &shape, &overtakes,
                          &plan->reorder_ppm, &plan->reorder_every, &plan->reorder_by, &hold_ns,
                          &rate_bps, &burst_bytes, &queue_ns, &PyTuple_Type, &pauses,
                          &tolerance_ns))
        return -1;
    if (udp_port > UINT16_MAX || view->len > (Py_ssize_t)UINT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "plan: a port above 65535, or too many actions");
        return -1;
    }
    plan->seed = seed;
    plan->counts_all = counts_all;
    plan->udp_port = (uint16_t)udp_port;
    plan->actions = view->buf;
    plan->n_actions = (uint32_t)view->len;
    plan->delay_ns = delay_ns;
    plan->skew_ns = skew_ns;
    plan->jitter_ns = jitter_ns;
    plan->shape = (enum rl_wire_shape)shape;
    plan->overtakes = overtakes;
    plan->hold_ns = hold_ns;
    plan->rate_bps = rate_bps;
    plan->burst_bytes = burst_bytes;
    plan->queue_ns = queue_ns;
    plan->tolerance_ns = tolerance_ns;
    return pauses_get(pauses, plan);
}

/* The port, borrowed once however often it is named. */
static struct rl_port *port_get(struct py_wire *self, PyObject *op)
{
    struct rl_port *port;

    for (uint32_t i = 0; i < self->n_held; i++) {
        if (self->given[i] == op)
            return self->ports[i];
    }
    port = py_port_borrow(op, &self->held[self->n_held]);
    if (port) {
        self->ports[self->n_held] = port;
        self->given[self->n_held++] = op; /* `held` keeps the port, and ways are named only here */
    }
    return port;
}

static int way_get(struct py_wire *self, PyObject *way, struct rl_wire_way_config *c,
                   Py_buffer *view)
{
    PyObject *in, *out, *plan;

    if (!PyArg_ParseTuple(way, "OOO!II:way", &in, &out, &PyTuple_Type, &plan, &c->n_slots,
                          &c->n_bytes_frame) ||
        plan_get(plan, &c->plan, view) < 0)
        return -1;
    c->in = port_get(self, in);
    c->out = c->in ? port_get(self, out) : NULL;
    return c->out ? 0 : -1;
}

static void give_ports(struct py_wire *self)
{
    for (uint32_t i = 0; i < self->n_held; i++)
        py_port_return(self->held[i]);
    self->n_held = 0;
}

static void give_back(struct py_wire *self)
{
    struct rl_wire_runner *runner = self->runner;

    self->runner = NULL;
    self->is_running = false;
    if (runner) {
        Py_BEGIN_ALLOW_THREADS
        rl_wire_close(runner);
        Py_END_ALLOW_THREADS
        free(runner);
    }
    give_ports(self);
    for (uint32_t i = 0; i < RL_WIRE_MAX_WAYS; i++) {
        if (self->actions[i].obj)
            PyBuffer_Release(&self->actions[i]);
    }
}

static int config_get(PyObject *ways, struct py_wire *self, struct rl_wire_config *config)
{
    Py_ssize_t n = PyTuple_Size(ways);

    if (n < 1 || n > RL_WIRE_MAX_WAYS) {
        PyErr_Format(PyExc_ValueError, "a wire has 1 to %d ways, not %zd", RL_WIRE_MAX_WAYS, n);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (way_get(self, PyTuple_GetItem(ways, i), &config->ways[i], &self->actions[i]) < 0)
            return -1;
    }
    config->n_ways = self->n_ways = (uint32_t)n;
    return 0;
}

static PyObject *wire_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"ways", "tsc_hz", "cpu", NULL};
    PyObject *module = PyType_GetModule(type), *ways;
    struct rl_wire_config config = {0};
    unsigned long long tsc_hz;
    const char *why = NULL;
    struct py_wire *self;
    int cpu, err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$O!Ki:Wire", names, &PyTuple_Type, &ways, &tsc_hz,
                                     &cpu))
        return NULL;
    self = self_of(((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0));
    if (!self || config_get(ways, self, &config) < 0) {
        Py_XDECREF((PyObject *)self);
        return NULL;
    }
    self->runner = aligned_alloc(RL_CACHE_LINE, sizeof *self->runner);
    err = self->runner ? rl_clock_from_hz(&config.clock, tsc_hz) : -ENOMEM;
    if (self->runner)
        memset(self->runner, 0, sizeof *self->runner);
    if (!err) {
        Py_BEGIN_ALLOW_THREADS
        err = rl_wire_start(self->runner, &config, cpu, &why);
        Py_END_ALLOW_THREADS
    }
    if (err) {
        core_raise(module, err, why);
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    self->is_running = true;
    return (PyObject *)self;
}

static void wire_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    give_back(self_of(op));
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

/* ---- Looking ------------------------------------------------------------------------------------
 */

static PyObject *wire_stop(PyObject *op, PyObject *unused)
{
    struct py_wire *self = open_of(op);

    (void)unused;
    if (!self)
        return NULL;
    if (self->is_running) {
        self->is_running = false;
        Py_BEGIN_ALLOW_THREADS
        rl_wire_stop(self->runner);
        Py_END_ALLOW_THREADS
        give_ports(self);
    }
    Py_RETURN_NONE;
}

static PyObject *wire_close(PyObject *op, PyObject *unused)
{
    (void)unused;
    give_back(self_of(op));
    Py_RETURN_NONE;
}

static int way_index(struct py_wire *self, PyObject *number)
{
    long i = PyLong_AsLong(number);

    if (i == -1 && PyErr_Occurred())
        return -1;
    if (i < 0 || i >= (long)self->n_ways) {
        PyErr_Format(PyExc_IndexError, "the wire has %u ways: no way %ld", self->n_ways, i);
        return -1;
    }
    return (int)i;
}

static PyObject *wire_counters(PyObject *op, PyObject *number)
{
    struct py_wire *self = open_of(op);
    struct rl_wire_counts counts;
    int way = self ? way_index(self, number) : -1;

    if (way < 0)
        return NULL;
    counts = rl_wire_counts_now(&self->runner->wire, (uint32_t)way);
    return core_counters_named(rl_wire_counter_names, &counts);
}

static PyObject *wire_errors(PyObject *op, PyObject *number)
{
    struct py_wire *self = open_of(op);
    int way = self ? way_index(self, number) : -1;

    if (way < 0)
        return NULL;
    if (self->is_running)
        return PyErr_Format(PyExc_BufferError, "the wire runs: stop it first");
    return hist_object(PyModule_GetState(PyType_GetModule(Py_TYPE(op))),
                       rl_wire_errors(&self->runner->wire, (uint32_t)way));
}

static PyObject *wire_waiting(PyObject *op, PyObject *number)
{
    struct py_wire *self = open_of(op);
    int way = self ? way_index(self, number) : -1;

    if (way < 0)
        return NULL;
    if (self->is_running)
        return PyErr_Format(PyExc_BufferError, "the wire runs: stop it first");
    return PyLong_FromUnsignedLong(rl_wire_waiting(&self->runner->wire, (uint32_t)way));
}

static PyObject *wire_usage(PyObject *op, void *unused)
{
    struct py_wire *self = open_of(op);

    (void)unused;
    if (!self)
        return NULL;
    if (self->is_running)
        return PyErr_Format(PyExc_BufferError, "the wire runs: stop it first");
    return py_usage_dict(&self->runner->usage);
}

static PyObject *wire_decide(PyObject *module, PyObject *args)
{
    struct rl_wire_plan plan = {0};
    struct rl_wire_decision decision;
    unsigned long long index;
    Py_buffer actions = {0};
    const char *refusal;
    PyObject *tuple;

    (void)module;
    if (!PyArg_ParseTuple(args, "O!K:wire_decide", &PyTuple_Type, &tuple, &index))
        return NULL;
    if (plan_get(tuple, &plan, &actions) < 0) {
        if (actions.obj)
            PyBuffer_Release(&actions);
        return NULL;
    }
    refusal = rl_wire_plan_refusal(&plan);
    if (!refusal)
        decision = rl_wire_decide(&plan, index);
    if (actions.obj)
        PyBuffer_Release(&actions);
    if (refusal)
        return PyErr_Format(PyExc_ValueError, "%s", refusal);
    return Py_BuildValue("IKI", (unsigned int)decision.action,
                         (unsigned long long)decision.jitter_ns, decision.behind);
}

PyDoc_STRVAR(wire_doc, "Wire(*, ways, tsc_hz, cpu)\n--\n\n"
                       "A cable of software that runs until it is stopped (csrc/rig/wire).");

static PyMethodDef wire_methods[] = {
    {"stop", wire_stop, METH_NOARGS,
     "stop($self, /)\n--\n\nNothing more comes through; the ports are free."},
    {"counters", wire_counters, METH_O, "counters($self, way, /)\n--\n\nWhat it did so far."},
    {"errors", wire_errors, METH_O,
     "errors($self, way, /)\n--\n\nns that frames left behind their time; once it has stopped."},
    {"waiting", wire_waiting, METH_O,
     "waiting($self, way, /)\n--\n\nFrames that it held when it stopped."},
    {"close", wire_close, METH_NOARGS, "close($self, /)\n--\n\nStop and free; harmless twice."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef wire_getset[] = {
    {"usage", wire_usage, NULL, "faults and switches of its thread, once it has stopped", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot wire_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t)wire_doc},
    {Py_tp_new, wire_new},
    {Py_tp_dealloc, wire_dealloc},
    {Py_tp_methods, wire_methods},
    {Py_tp_getset, wire_getset},
    {0, NULL},
};

PyType_Spec wire_spec = {
    .name = "engine._core.Wire",
    .basicsize = sizeof(struct py_wire),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = wire_slots,
};

PyMethodDef wire_functions[] = {
    {"wire_decide", wire_decide, METH_VARARGS,
     "wire_decide($module, plan, index, /)\n--\n\n(action, jitter_ns, behind) of a frame."},
    {NULL, NULL, 0, NULL},
};
