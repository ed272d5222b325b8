/* BookViews: what the books' writer publishes, read by any thread while it writes. */
#include "py/py_views.h"

#include "base/mem.h"
#include "py/py_records.h"

#include <errno.h>

struct py_views {
    PyObject_HEAD
    struct rl_arena arena;
    struct rl_views *views; /* in the arena: lines of their own */
};

struct rl_views *views_of(PyObject *op)
{
    return ((struct py_views *)op)->views;
}

PyObject *views_new(struct core_state *state, uint32_t n_instruments)
{
    PyTypeObject *type = state->views_type;
    struct py_views *self =
        (struct py_views *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    size_t n_bytes = rl_views_bytes(n_instruments);

    if (!self)
        return NULL;
    if (rl_arena_open(&self->arena, n_bytes, 0) == 0)
        self->views = rl_views_init(rl_arena_take(&self->arena, n_bytes, RL_CACHE_LINE), n_bytes,
                                    n_instruments);
    if (!self->views) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void views_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    rl_arena_close(&((struct py_views *)op)->arena);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static void read_tops(const struct rl_views *views, unsigned int first, struct rl_book_top *out,
                      bool *valid, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        valid[i] = first + i < views->n_instruments &&
                   rl_views_read(views, (uint32_t)(first + i), &out[i]);
}

/* As many are read in microseconds: giving the lock away for that costs a reader milliseconds. */
#define FEW 64

static PyObject *views_read(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"first", "out", "valid", NULL};
    const struct rl_views *views = views_of(op);
    struct py_records held[2];
    struct py_records_want wants[2] = {
        {NULL, "out", sizeof(struct rl_book_top), _Alignof(struct rl_book_top), true},
        {NULL, "valid", 1, 1, true},
    };
    unsigned int first;
    uint64_t n;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "IOO:read", names, &first, &wants[0].op,
                                     &wants[1].op) ||
        py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    n = held[0].n < held[1].n ? held[0].n : held[1].n;
    if (n <= FEW) {
        read_tops(views, first, held[0].view.buf, held[1].view.buf, n);
    } else {
        Py_BEGIN_ALLOW_THREADS
        read_tops(views, first, held[0].view.buf, held[1].view.buf, n);
        Py_END_ALLOW_THREADS
    }
    py_records_release(held, RL_COUNT(held));
    Py_RETURN_NONE;
}

static PyObject *views_published(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(rl_views_published(views_of(op)));
}

PyDoc_STRVAR(views_doc, "What the writer of Books published (csrc/market/book/view.h).\n\n"
                        "Any thread may read it while another applies updates.");
PyDoc_STRVAR(read_doc, "read($self, /, first, out, valid)\n--\n\n"
                       "out[i] = a consistent copy of the top of book first + i.\n\n"
                       "valid[i] is False when there is no such book or none could be had.");

static PyMethodDef views_methods[] = {
    {"read", RL_PY_KEYWORDS(views_read), read_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef views_getset[] = {
    {"published", views_published, NULL, "seq of the last update that can be read", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot views_slots[] = {
    {Py_tp_doc, (void *)views_doc},
    {Py_tp_dealloc, views_dealloc},
    {Py_tp_methods, views_methods},
    {Py_tp_getset, views_getset},
    {0, NULL},
};

PyType_Spec views_spec = {
    .name = "engine._core.BookViews",
    .basicsize = sizeof(struct py_views),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = views_slots,
};
