/* Port: what was obtained, what has happened, where it is. Never touches a frame. */
#include "net/frame.h"
#include "net/port/port_framed.h"
#include "net/port/port_socket.h"
#include "py/py_port_inner.h"

#include <errno.h>

PyObject *py_port_stats(PyObject *op, PyObject *unused)
{
    struct py_port *self = py_port_self(op);
    struct rl_port_stats stats;

    (void)unused;
    if (!self->port)
        return PyErr_Format(PyExc_ValueError, "the port is closed");
    /* The kernel is asked by the receiving thread alone. */
    stats = self->is_in_use ? rl_port_stats_now(self->port) : rl_port_stats_ask(self->port);
    return core_counters_named(rl_port_counter_names, &stats);
}

PyObject *py_port_caps(PyObject *op, PyObject *unused)
{
    struct py_port *self = py_port_self(op);
    const struct rl_port_caps *caps;

    (void)unused;
    if (!self->port)
        return PyErr_Format(PyExc_ValueError, "the port is closed");
    caps = &self->port->caps;
    return Py_BuildValue(
        "{s:s,s:s,s:s,s:I,s:N,s:N,s:N,s:N}", "backend", self->port->ops->name, "mode", caps->mode,
        "stamp", rl_stamp_name(caps->stamp), "n_bytes_frame_max", caps->n_bytes_frame_max,
        "is_ethernet", PyBool_FromLong(caps->is_ethernet), "zero_copy_rx",
        PyBool_FromLong(caps->zero_copy_rx), "zero_copy_tx", PyBool_FromLong(caps->zero_copy_tx),
        "needs_syscall", PyBool_FromLong(caps->needs_syscall));
}

PyObject *py_port_local(PyObject *op, void *unused)
{
    struct py_port *self = py_port_self(op);
    char text[RL_ADDRESS_TEXT];
    struct rl_address address;
    int err;

    (void)unused;
    if (!self->port)
        return PyErr_Format(PyExc_ValueError, "the port is closed");
    err = rl_port_local(self->port, &address);
    if (err == -ENOTSUP)
        Py_RETURN_NONE;
    if (err)
        return core_raise(PyType_GetModule(Py_TYPE(op)), err, NULL);
    return PyUnicode_FromString(rl_address_write(&address, text));
}

PyObject *py_port_reasons(PyObject *op, PyObject *unused)
{
    struct py_port *self = py_port_self(op);
    uint64_t counts[RL_N_FRAME_REASONS];
    PyObject *dict;

    (void)unused;
    if (!self->port)
        return PyErr_Format(PyExc_ValueError, "the port is closed");
    dict = PyDict_New();
    if (!dict || !rl_framed_port_reasons(self->port, counts))
        return dict;
    for (unsigned i = RL_FRAME_OK + 1; dict && i < RL_N_FRAME_REASONS; i++) {
        if (core_put(dict, rl_frame_reason_name((enum rl_frame_reason)i),
                     PyLong_FromUnsignedLongLong(counts[i])) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

PyObject *py_port_in_use(PyObject *op, void *unused)
{
    (void)unused;
    return PyBool_FromLong(py_port_self(op)->is_in_use);
}
