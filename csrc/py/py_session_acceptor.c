/* FixAcceptor: to which FixSession a connection's first message belongs; and framing of bytes. */
#include "py/py_session.h"

#include "session/fix_acceptor.h"
#include "session/fix_frame.h"

#include <errno.h>
#include <string.h>

struct py_acceptor {
    PyObject_HEAD
    struct rl_arena arena;
    struct rl_fix_acceptor acceptor;
    PyObject *sessions; /* list: the acceptor points into them */
};

#define MOST_SESSIONS (1U << 20)

static PyObject *acceptor_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"n_max", NULL};
    struct py_acceptor *self;
    unsigned n_max;
    int err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$I:FixAcceptor", names, &n_max))
        return NULL;
    if (n_max == 0 || n_max > MOST_SESSIONS)
        return PyErr_Format(PyExc_ValueError, "n_max: 1 to %u sessions", MOST_SESSIONS);
    self = (struct py_acceptor *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    self->sessions = PyList_New(0);
    err = self->sessions ? rl_arena_open(&self->arena, rl_fix_acceptor_bytes(n_max) + 4096, 0)
                         : -ENOMEM;
    if (!err)
        err = rl_fix_acceptor_init(&self->acceptor, &self->arena, n_max);
    if (!err)
        return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

static void acceptor_dealloc(PyObject *op)
{
    struct py_acceptor *self = (struct py_acceptor *)op;
    PyTypeObject *type = Py_TYPE(op);

    if (self->arena.base)
        rl_arena_close(&self->arena);
    Py_XDECREF(self->sessions);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static PyObject *acceptor_add(PyObject *op, PyObject *arg)
{
    struct py_acceptor *self = (struct py_acceptor *)op;
    struct py_session *session = py_session_cast(arg);
    int err;

    if (!session || PyList_Append(self->sessions, arg) < 0)
        return NULL;
    err = rl_fix_acceptor_add(&self->acceptor, &session->session);
    if (!err)
        Py_RETURN_NONE;
    (void)PyList_SetSlice(self->sessions, PyList_Size(self->sessions) - 1,
                          PyList_Size(self->sessions), NULL);
    PyErr_SetString(PyExc_ValueError, err == -EEXIST   ? "a session of these names is there"
                                      : err == -ENOSPC ? "no room for another session"
                                                       : "an initiator does not accept");
    return NULL;
}

/* The session, or (number, text) of what is wrong. */
static PyObject *acceptor_admit(PyObject *op, PyObject *arg)
{
    struct py_acceptor *self = (struct py_acceptor *)op;
    struct rl_fix_session *session = NULL;
    enum rl_fix_cause cause;
    Py_buffer data;

    if (PyObject_GetBuffer(arg, &data, PyBUF_SIMPLE) < 0)
        return NULL;
    if (data.len > RL_FIX_MAX_MESSAGE) {
        PyBuffer_Release(&data);
        PyErr_SetString(PyExc_ValueError, "a message of more than 1 MiB");
        return NULL;
    }
    cause = rl_fix_admit(&self->acceptor, data.buf, (uint32_t)data.len, &session);
    PyBuffer_Release(&data);
    if (cause != RL_FIX_BYE_NONE)
        return Py_BuildValue("(Is)", (unsigned)cause, rl_fix_cause_text(cause));
    return Py_NewRef(session->user); /* which `sessions` keeps */
}

static PyObject *session_cut(PyObject *unused, PyObject *args)
{
    static const char *const words[] = {[RL_FIX_OK] = "ok",
                                        [RL_FIX_PARTIAL] = "partial",
                                        [RL_FIX_REJECT] = "garbled",
                                        [RL_FIX_GARBLED] = "garbled"};
    enum rl_fix_result result;
    uint32_t n_message = 0;
    unsigned n_max;
    Py_buffer data;

    (void)unused;
    if (!PyArg_ParseTuple(args, "y*I:fix_cut", &data, &n_max))
        return NULL;
    result = rl_fix_cut(data.buf, (size_t)data.len, n_max, &n_message);
    PyBuffer_Release(&data);
    return Py_BuildValue("(sI)", words[result], n_message);
}

static PyObject *session_causes(PyObject *module, PyObject *unused)
{
    PyObject *tuple = PyTuple_New(RL_FIX_BYE_N);

    (void)module;
    (void)unused;
    for (int i = 0; tuple && i < RL_FIX_BYE_N; i++) {
        PyObject *text = PyUnicode_FromString(rl_fix_cause_text((enum rl_fix_cause)i));

        if (!text || PyTuple_SetItem(tuple, i, text) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

PyDoc_STRVAR(acceptor_doc, "FixAcceptor(*, n_max)\n--\n\n"
                           "Which session a connection belongs to (csrc/session/fix_acceptor.h).");
PyDoc_STRVAR(add_doc, "add($self, session, /)\n--\n\nA session that may be logged on to.");
PyDoc_STRVAR(admit_doc, "admit($self, message, /)\n--\n\n"
                        "The session of a first message, or (number, text) of a refusal.");
PyDoc_STRVAR(cut_doc, "fix_cut($module, data, n_max, /)\n--\n\n"
                      "Where the first message of a session's bytes ends.");
PyDoc_STRVAR(causes_doc, "fix_causes($module, /)\n--\n\nWhy a connection ends, by number.");

static PyMethodDef acceptor_methods[] = {
    {"add", acceptor_add, METH_O, add_doc},
    {"admit", acceptor_admit, METH_O, admit_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot acceptor_slots[] = {
    {Py_tp_doc, (void *)acceptor_doc},
    {Py_tp_new, acceptor_new},
    {Py_tp_dealloc, acceptor_dealloc},
    {Py_tp_methods, acceptor_methods},
    {0, NULL},
};

PyType_Spec fix_acceptor_spec = {
    .name = "engine._core.FixAcceptor",
    .basicsize = sizeof(struct py_acceptor),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = acceptor_slots,
};

PyMethodDef session_functions[] = {
    {"fix_cut", session_cut, METH_VARARGS, cut_doc},
    {"fix_causes", session_causes, METH_NOARGS, causes_doc},
    {NULL, NULL, 0, NULL},
};
