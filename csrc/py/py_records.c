#include "py/py_records.h"

#include <string.h>

static int hold(struct py_records *r, const struct py_records_want *want)
{
    int flags = PyBUF_STRIDES | (want->writable ? PyBUF_WRITABLE : 0);

    memset(r, 0, sizeof(*r));
    if (!PyObject_CheckBuffer(want->op)) {
        PyErr_Format(PyExc_TypeError, "%s: not a buffer", want->name);
        return -1;
    }
    if (PyObject_GetBuffer(want->op, &r->view, flags) < 0) {
        PyErr_Clear();
        r->view.obj = NULL;
        PyErr_Format(PyExc_ValueError, "%s: cannot be %s in place", want->name,
                     want->writable ? "written" : "read");
        return -1;
    }
    if (!PyBuffer_IsContiguous(&r->view, 'C')) {
        PyErr_Format(PyExc_ValueError, "%s: not contiguous", want->name);
        return -1;
    }
    if (want->n_bytes > 0 && (size_t)r->view.itemsize != want->n_bytes) {
        PyErr_Format(PyExc_ValueError, "%s: records of %zd bytes, not %zu", want->name,
                     r->view.itemsize, want->n_bytes);
        return -1;
    }
    if (want->align > 1 && (uintptr_t)r->view.buf % want->align != 0) {
        PyErr_Format(PyExc_ValueError, "%s: not aligned to %zu bytes", want->name, want->align);
        return -1;
    }
    r->n = (uint64_t)r->view.len / (want->n_bytes > 0 ? want->n_bytes : 1);
    return 0;
}

int py_records_hold(struct py_records *out, const struct py_records_want *wants, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (hold(&out[i], &wants[i]) < 0) {
            py_records_release(out, i + 1);
            return -1;
        }
    }
    return 0;
}

uint64_t py_records_least(const struct py_records *records, size_t n)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < n; i++)
        least = records[i].n < least ? records[i].n : least;
    return least;
}

int py_recs_inside(const struct rl_stream_rec *recs, uint64_t n, uint64_t n_data)
{
    for (uint64_t i = 0; i < n; i++) {
        if (recs[i].offset > n_data || recs[i].n_bytes > n_data - recs[i].offset) {
            PyErr_Format(PyExc_ValueError, "record %llu lies outside the data",
                         (unsigned long long)i);
            return -1;
        }
    }
    return 0;
}

void py_records_release(struct py_records *records, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (records[i].view.obj)
            PyBuffer_Release(&records[i].view);
        records[i].view.obj = NULL;
    }
}
