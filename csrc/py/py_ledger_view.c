/* Views of ledgers in any bytes: those of a Ledger, or a file that another process maps. */
#include "trade/position/view.h"

#include "py/py_records.h"

#include <string.h>

/* Holds `memory` as a view; NULL with an exception. */
static const struct rl_ledger_view *view_hold(PyObject *memory, struct py_records *held)
{
    struct py_records_want want = {memory, "memory", 0, RL_CACHE_LINE, false};
    const struct rl_ledger_view *view;

    if (py_records_hold(held, &want, 1) < 0)
        return NULL;
    view = held->view.buf;
    if (rl_ledger_view_check(view, (size_t)held->view.len) == 0)
        return view;
    py_records_release(held, 1);
    PyErr_SetString(PyExc_ValueError, "memory: no view of a ledger of this build");
    return NULL;
}

static PyObject *view_shape(PyObject *module, PyObject *memory)
{
    const struct rl_ledger_view *view;
    struct py_records held;
    PyObject *shape;

    (void)module;
    view = view_hold(memory, &held);
    if (!view)
        return NULL;
    shape = Py_BuildValue("(II)", view->n_accounts, view->n_instruments);
    py_records_release(&held, 1);
    return shape;
}

/* A copy in the layout of its row; the sequence of a copy is 0. */
static bool read_row(const struct rl_ledger_view *view, unsigned what, uint64_t at, uint8_t *out)
{
    uint32_t account = (uint32_t)(at / view->n_instruments);
    uint32_t instrument = (uint32_t)(at % view->n_instruments);
    struct rl_position position;
    struct rl_account sums;
    struct rl_mark mark;

    if (at > UINT32_MAX)
        return false;
    memset(out, 0, 8);
    switch (what) {
    case 0:
        if (!rl_ledger_read_position(view, account, instrument, &position))
            return false;
        memcpy(out, &position, sizeof(position));
        return true;
    case 1:
        if (!rl_ledger_read_account(view, (uint32_t)at, &sums))
            return false;
        memcpy(out + 8, &sums, sizeof(sums));
        return true;
    default:
        if (!rl_ledger_read_mark(view, (uint32_t)at, &mark))
            return false;
        memcpy(out + 8, &mark.px_nano, 8);
        memcpy(out + 16, &mark.tsc, 8);
        return true;
    }
}

static PyObject *view_read(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"memory", "what", "first", "out", "valid", NULL};
    static const size_t sizes[] = {sizeof(union rl_shown_position), sizeof(union rl_shown_account),
                                   sizeof(union rl_shown_mark)};
    struct py_records_want wants[2] = {{NULL, "out", 0, 8, true}, {NULL, "valid", 1, 1, true}};
    struct py_records held[2], bytes;
    const struct rl_ledger_view *view;
    unsigned long long first;
    PyObject *memory;
    unsigned what;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OIKOO:ledger_view_read", names, &memory, &what,
                                     &first, &wants[0].op, &wants[1].op))
        return NULL;
    if (what >= RL_COUNT(sizes))
        return PyErr_Format(PyExc_ValueError, "what: %u is not 0, 1 or 2", what);
    wants[0].n_bytes = sizes[what];
    if (py_records_hold(held, wants, 2) < 0)
        return NULL;
    view = view_hold(memory, &bytes);
    if (view) {
        uint64_t n = py_records_least(held, 2);

        for (uint64_t i = 0; i < n; i++)
            ((bool *)held[1].view.buf)[i] =
                read_row(view, what, first + i, (uint8_t *)held[0].view.buf + i * sizes[what]);
        py_records_release(&bytes, 1);
    }
    py_records_release(held, 2);
    if (!view)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(view_shape_doc, "ledger_view_shape($module, memory, /)\n--\n\n"
                             "(accounts, instruments) of the view in these bytes.");
PyDoc_STRVAR(view_read_doc,
             "ledger_view_read($module, /, memory, what, first, out, valid)\n--\n\n"
             "out[i] = a consistent copy of row first + i of the positions (0), accounts (1) or "
             "marks (2).\n\n"
             "valid[i] is False when there is no such row or none could be had.");

PyMethodDef ledger_functions[] = {
    {"ledger_view_shape", view_shape, METH_O, view_shape_doc},
    {"ledger_view_read", RL_PY_KEYWORDS(view_read), view_read_doc},
    {NULL, NULL, 0, NULL},
};
