/* Books: the books of all instruments, applied to in batches and asked in arrays. */
#include "market/book/book.h"

#include "py/py_books.h"
#include "py/py_records.h"
#include "py/py_views.h"

#include <errno.h>
#include <string.h>

struct rl_books *books_idle(PyObject *op)
{
    if (py_books_of(op)->is_busy) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the books are in use by another thread: read a view instead");
        return NULL;
    }
    return py_books_of(op)->books;
}

/* --- life ------------------------------------------------------------------------------------- */

static int open_books(struct py_books *self, const struct rl_books_config *config)
{
    size_t n_bytes = sizeof(*self->books) + RL_CACHE_LINE + rl_books_bytes(config);
    int err = rl_arena_open(&self->arena, n_bytes, RL_ARENA_THP);

    if (err)
        return err;
    self->books = rl_arena_take(&self->arena, sizeof(*self->books), RL_CACHE_LINE);
    return rl_books_init(self->books, &self->arena, config);
}

static PyObject *books_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"n_instruments", "n_orders", "n_levels_per_side", "n_levels", NULL};
    struct rl_books_config config = {0};
    unsigned long long sizes[4] = {0};
    struct py_books *self;
    int err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$KKKK:Books", names, &sizes[0], &sizes[1],
                                     &sizes[2], &sizes[3]))
        return NULL;
    for (size_t i = 0; i < RL_COUNT(sizes); i++) {
        if (sizes[i] > UINT32_MAX)
            return PyErr_Format(PyExc_ValueError, "Books: %s is beyond 32 bits", names[i]);
    }
    config.n_instruments = (uint32_t)sizes[0];
    config.n_orders = (uint32_t)sizes[1];
    config.n_levels_per_side = (uint32_t)sizes[2];
    config.n_levels = (uint32_t)sizes[3];
    if (rl_books_bytes(&config) == 0)
        return PyErr_Format(PyExc_ValueError,
                            "Books: sizes of 0, or more than 32-bit slots can name");
    self = (struct py_books *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = open_books(self, &config);
    Py_END_ALLOW_THREADS
    if (err) {
        Py_DECREF(self);
        if (err == -ENOMEM)
            return PyErr_NoMemory();
        return PyErr_Format(PyExc_ValueError, "Books: %s", strerror(-err));
    }
    return (PyObject *)self;
}

static void books_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    Py_XDECREF(py_books_of(op)->views);
    rl_arena_close(&py_books_of(op)->arena); /* harmless when it is not open */
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

/* --- updates ---------------------------------------------------------------------------------- */

PyObject *books_apply(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"updates", "changed", NULL};
    struct py_records held[2];
    struct py_records_want wants[2] = {
        {NULL, "updates", sizeof(struct rl_update), 1, false},
        {NULL, "changed", 1, 1, true},
    };
    const uint8_t *updates;
    struct rl_books *b;
    bool *changed;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "OO:apply", names, &wants[0].op, &wants[1].op) ||
        py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    b = books_idle(op);
    if (b && held[0].n != held[1].n) {
        PyErr_SetString(PyExc_ValueError, "changed: not as long as updates");
        b = NULL;
    }
    if (!b) {
        py_records_release(held, RL_COUNT(held));
        return NULL;
    }
    updates = held[0].view.buf;
    changed = held[1].view.buf;
    py_books_of(op)->is_busy = true;
    Py_BEGIN_ALLOW_THREADS
    for (uint64_t i = 0; i < held[0].n; i++) {
        struct rl_update u; /* the caller's array need not be aligned to cache lines */

        memcpy(&u, updates + i * sizeof(u), sizeof(u));
        changed[i] = rl_books_apply(b, &u);
        rl_views_publish(b, u.seq); /* nothing when nobody views */
    }
    Py_END_ALLOW_THREADS
    py_books_of(op)->is_busy = false;
    py_records_release(held, RL_COUNT(held));
    Py_RETURN_NONE;
}

/* --- views ----------------------------------------------------------------------------------- */

/* The views of these books, shown from now on; the first call makes them. */
PyObject *books_view(PyObject *op, PyObject *unused)
{
    struct rl_books *b = books_idle(op);
    struct py_books *self = py_books_of(op);

    (void)unused;
    if (!b)
        return NULL;
    if (!self->views) {
        PyObject *views = views_new(PyType_GetModuleState(Py_TYPE(op)), b->n_instruments);
        int err;

        if (!views)
            return NULL;
        err = rl_books_show(b, views_of(views));
        if (err) {
            Py_DECREF(views);
            return PyErr_Format(PyExc_RuntimeError, "the books cannot be shown: %s",
                                strerror(-err));
        }
        self->views = views;
    }
    return Py_NewRef(self->views);
}

static PyObject *books_ops(PyObject *module, PyObject *unused)
{
    PyObject *dict = PyDict_New();

    (void)module;
    (void)unused;
    for (unsigned i = 0; dict && i < RL_N_OPS; i++) {
        if (core_put(dict, rl_op_name(i), PyLong_FromLong((long)i)) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

/* --- the type --------------------------------------------------------------------------------- */

PyDoc_STRVAR(books_doc,
             "Books(*, n_instruments, n_orders, n_levels_per_side, n_levels)\n--\n\n"
             "The order books of all instruments of a feed (csrc/market/book/book.h).\n\n"
             "One thread at a time uses it; the others get a RuntimeError.");
PyDoc_STRVAR(ops_doc, "book_ops($module, /)\n--\n\n{name: number} of the operations of an update.");

static PyType_Slot books_slots[] = {
    {Py_tp_doc, (void *)books_doc},
    {Py_tp_new, books_new},
    {Py_tp_dealloc, books_dealloc},
    {Py_tp_methods, books_methods},
    {0, NULL},
};

PyType_Spec books_spec = {
    .name = "engine._core.Books",
    .basicsize = sizeof(struct py_books),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = books_slots,
};

PyMethodDef book_functions[] = {
    {"book_ops", books_ops, METH_NOARGS, ops_doc},
    {NULL, NULL, 0, NULL},
};
