/* Positional arguments into structs: see py_fields.h. */
#include "py/py_fields.h"

#include "base/money.h"

#include <string.h>

int py_number(const char *name, PyObject *value, uint64_t top, uint64_t *out)
{
    PyObject *whole = PyNumber_Index(value); /* a numpy integer is one, a float is not */
    unsigned long long v;

    if (!whole) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "%s: not an integer: %R", name, value);
        return -1;
    }
    v = PyLong_AsUnsignedLongLong(whole);
    Py_DECREF(whole);
    if ((v == (unsigned long long)-1 && PyErr_Occurred()) || v > top) {
        PyErr_Clear();
        PyErr_Format(PyExc_ValueError, "%s: %S is not in 0 .. %llu", name, value,
                     (unsigned long long)top);
        return -1;
    }
    *out = v;
    return 0;
}

/* RL_PX_NONE is no number that may be given: it means that there is none. */
static int read_i64(const char *name, PyObject *value, int64_t *out)
{
    PyObject *whole = PyNumber_Index(value);
    long long v;

    if (!whole) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "%s: not an integer: %R", name, value);
        return -1;
    }
    v = PyLong_AsLongLong(whole);
    Py_DECREF(whole);
    if (v == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        PyErr_Format(PyExc_ValueError, "%s: %S is not a number of 64 bits", name, value);
        return -1;
    }
    *out = v;
    return 0;
}

static int read_one(const struct py_field *f, PyObject *value, uint8_t *out)
{
    static const uint64_t tops[] = {UINT8_MAX, UINT32_MAX, UINT64_MAX};
    static const size_t sizes[] = {1, 4, 8};
    int64_t px = RL_PX_NONE;
    uint64_t v = 0;

    if (f->kind <= PY_FIELD_U64) {
        if (py_number(f->name, value, tops[f->kind], &v) < 0)
            return -1;
        memcpy(out + f->at, &v, sizes[f->kind]); /* the low bytes come first */
        return 0;
    }
    if (f->kind != PY_FIELD_PX || value != Py_None) {
        if (read_i64(f->name, value, &px) < 0)
            return -1;
    }
    memcpy(out + f->at, &px, sizeof(px));
    return 0;
}

int py_fields_read(const char *function, const struct py_field *fields, size_t n, void *out,
                   PyObject *const *args, Py_ssize_t n_args)
{
    if ((size_t)n_args != n) {
        PyErr_Format(PyExc_TypeError, "%s: takes %zu arguments, got %zd", function, n, n_args);
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (read_one(&fields[i], args[i], out) < 0)
            return -1;
    }
    return 0;
}

PyObject *py_px(int64_t px_nano)
{
    if (px_nano == RL_PX_NONE)
        Py_RETURN_NONE;
    return PyLong_FromLongLong(px_nano);
}
