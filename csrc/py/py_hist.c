/* Hist: a recorder of the default geometry whose counts numpy views without a copy. */
#include "py/module.h"

#include <errno.h>

struct py_hist {
    PyObject_HEAD
    struct rl_hist hist;
    uint64_t *counts; /* own allocation: the object's memory is not aligned for it */
    Py_ssize_t shape, stride;
};

static PyObject *hist_alloc(PyTypeObject *type)
{
    struct py_hist *self;
    size_t n_bytes = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);

    self = (struct py_hist *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    self->counts = PyMem_Malloc(n_bytes);
    if (!self->counts) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    rl_hist_init(&self->hist, RL_HIST_HIGHEST, RL_HIST_DIGITS, self->counts, n_bytes);
    self->shape = self->hist.n_counts;
    self->stride = sizeof(uint64_t);
    return (PyObject *)self;
}

PyObject *hist_object(struct core_state *state, const struct rl_hist *from)
{
    PyObject *op = hist_alloc(state->hist_type);

    if (op && from)
        rl_hist_add(&((struct py_hist *)op)->hist, from);
    return op;
}

struct rl_hist *hist_records(PyObject *op)
{
    return &((struct py_hist *)op)->hist;
}

static PyObject *hist_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {NULL};

    if (!PyArg_ParseTupleAndKeywords(args, kw, ":Hist", names))
        return NULL;
    return hist_alloc(type);
}

static void hist_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    PyMem_Free(((struct py_hist *)op)->counts);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static PyObject *hist_record(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"value", "count", NULL};
    unsigned long long value, count = 1;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "K|K:record", names, &value, &count))
        return NULL;
    rl_hist_record_n(&((struct py_hist *)op)->hist, value, count);
    Py_RETURN_NONE;
}

static PyObject *hist_add(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"other", NULL};
    PyObject *other;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "O!:add", names, Py_TYPE(op), &other))
        return NULL;
    rl_hist_add(&((struct py_hist *)op)->hist, &((struct py_hist *)other)->hist);
    Py_RETURN_NONE;
}

static PyObject *hist_percentile(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"pct", NULL};
    double pct;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "d:percentile", names, &pct))
        return NULL;
    return PyLong_FromUnsignedLongLong(rl_hist_percentile(&((struct py_hist *)op)->hist, pct));
}

static PyObject *hist_n(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((struct py_hist *)op)->hist.n_total);
}

static PyObject *hist_min(PyObject *op, void *unused)
{
    const struct rl_hist *h = &((struct py_hist *)op)->hist;

    (void)unused;
    return PyLong_FromUnsignedLongLong(h->n_total ? h->min : 0);
}

static PyObject *hist_max(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((struct py_hist *)op)->hist.max);
}

static PyObject *hist_saturated(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((struct py_hist *)op)->hist.n_saturated);
}

/* Read-only: a record is more than its count. The view keeps the object, and so the counts, alive.
 */
static int hist_getbuffer(PyObject *op, Py_buffer *view, int flags)
{
    struct py_hist *self = (struct py_hist *)op;

    if (flags & PyBUF_WRITABLE) {
        PyErr_SetString(PyExc_BufferError, "the counts of a Hist are read-only");
        view->obj = NULL;
        return -1;
    }
    Py_INCREF(op);
    *view = (Py_buffer){
        .obj = op,
        .buf = self->counts,
        .len = self->shape * self->stride,
        .itemsize = self->stride,
        .readonly = 1,
        .ndim = 1,
        .format = (flags & PyBUF_FORMAT) ? "Q" : NULL,
        .shape = &self->shape,
        .strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &self->stride : NULL,
    };
    return 0;
}

PyDoc_STRVAR(hist_doc,
             "Hist()\n--\n\n"
             "Counts of values 1 .. 3.6e12 in HdrHistogram's geometry of three digits.\n\n"
             "np.asarray(hist) views the 33,792 counts; one thread records.");
PyDoc_STRVAR(record_doc, "record($self, /, value, count=1)\n--\n\n"
                         "Record value count times; above the range it saturates and is counted.");
PyDoc_STRVAR(add_doc, "add($self, /, other)\n--\n\nAdd every record of another Hist.");
PyDoc_STRVAR(percentile_doc,
             "percentile($self, /, pct)\n--\n\n"
             "Value at ceiling rank, upper edge of its bucket, never above max; 0 when empty.");

static PyMethodDef hist_methods[] = {
    {"record", RL_PY_KEYWORDS(hist_record), record_doc},
    {"add", RL_PY_KEYWORDS(hist_add), add_doc},
    {"percentile", RL_PY_KEYWORDS(hist_percentile), percentile_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef hist_getset[] = {
    {"n", hist_n, NULL, "records", NULL},
    {"min", hist_min, NULL, "smallest value, exact; 0 when empty", NULL},
    {"max", hist_max, NULL, "largest value, exact; 0 when empty", NULL},
    {"saturated", hist_saturated, NULL, "records above the range", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot hist_slots[] = {
    {Py_tp_doc, (void *)hist_doc},
    {Py_tp_new, hist_new},
    {Py_tp_dealloc, hist_dealloc},
    {Py_tp_methods, hist_methods},
    {Py_tp_getset, hist_getset},
    {Py_bf_getbuffer, hist_getbuffer},
    {0, NULL},
};

PyType_Spec hist_spec = {
    .name = "engine._core.Hist",
    .basicsize = sizeof(struct py_hist),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = hist_slots,
};
