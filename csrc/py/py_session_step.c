/* FixSession: events in, actions out. Each call is one step; `more` asks for `proceed`. */
#include "py/py_session.h"

#include "py/py_fields.h"

#include <errno.h>
#include <string.h>

/* --- actions ---------------------------------------------------------------------------------- */

static PyObject *bytes_of(const uint8_t *bytes, uint32_t n)
{
    return PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)n);
}

static PyObject *fields_of(const struct rl_fix_msg *m)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)m->n_fields);

    for (uint32_t i = 0; tuple && i < m->n_fields; i++) {
        const struct rl_fix_field *f = &m->fields[i];
        PyObject *pair = Py_BuildValue("(IN)", f->tag, bytes_of(rl_fix_value(m, f), f->len));

        if (!pair || PyTuple_SetItem(tuple, (Py_ssize_t)i, pair) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* (word, ...) as the stub says. */
static PyObject *action_of(const struct rl_fix_action *a)
{
    switch (a->kind) {
    case RL_FIX_DO_SEND:
        return Py_BuildValue("(sNKO)", "send", bytes_of(a->bytes, a->n_bytes),
                             (unsigned long long)a->seq, a->is_resent ? Py_True : Py_False);
    case RL_FIX_DO_DELIVER:
        return Py_BuildValue("(sNNKOO)", "deliver", bytes_of(a->msg->bytes, a->msg->n_bytes),
                             fields_of(a->msg), (unsigned long long)a->seq,
                             a->is_poss_dup ? Py_True : Py_False,
                             a->is_poss_resend ? Py_True : Py_False);
    case RL_FIX_DO_DISCONNECT:
        return Py_BuildValue("(sIs)", "disconnect", (unsigned)a->cause,
                             rl_fix_cause_text(a->cause));
    case RL_FIX_DO_LOGGED_ON:
        return Py_BuildValue("(s)", "logged on");
    case RL_FIX_DO_LOGGED_OUT:
        return Py_BuildValue("(s)", "logged out");
    }
    PyErr_SetString(PyExc_SystemError, "an action that nobody knows");
    return NULL;
}

static PyObject *actions_of(struct py_session *self)
{
    const struct rl_fix_session *s = &self->session;
    PyObject *list = PyList_New(0);

    self->is_delivered = false;
    for (uint32_t i = 0; i < s->n_actions; i++) {
        PyObject *action = list ? action_of(&s->actions[i]) : NULL;

        if (action && PyList_Append(list, action) < 0)
            Py_CLEAR(list);
        Py_XDECREF(action);
        if (!action)
            Py_CLEAR(list);
        self->is_delivered |= s->actions[i].kind == RL_FIX_DO_DELIVER;
    }
    return list;
}

/* --- events ----------------------------------------------------------------------------------- */

/* Bytes of a message stay while the session may look at them. */
static void let_go(struct py_session *self)
{
    if (self->message.obj && !self->session.more)
        PyBuffer_Release(&self->message);
}

/* Answers to a delivered message do not end the delivery. */
static bool is_answer(enum rl_fix_event_kind kind)
{
    return kind == RL_FIX_EV_SEND || kind == RL_FIX_EV_REFUSE;
}

static int may_step(const struct py_session *self, enum rl_fix_event_kind kind)
{
    bool goes_on = kind == RL_FIX_EV_CONTINUE || (is_answer(kind) && self->is_delivered);

    if (self->session.more && !goes_on) {
        PyErr_SetString(PyExc_ValueError, "the last step is not over: proceed first");
        return -1;
    }
    if ((kind == RL_FIX_EV_CONTINUE && !self->session.more) ||
        (kind == RL_FIX_EV_REFUSE && !self->is_delivered)) {
        PyErr_SetString(PyExc_ValueError, kind == RL_FIX_EV_REFUSE ? "nothing was delivered"
                                                                   : "the last step is over");
        return -1;
    }
    return 0;
}

static PyObject *step(struct py_session *self, const struct rl_fix_event *event, uint64_t now)
{
    bool was_delivered = self->is_delivered;
    PyObject *list;
    int err;

    if (now < self->now_utc_ns) {
        PyErr_SetString(PyExc_ValueError, "now: time does not go back");
        return NULL;
    }
    self->now_utc_ns = now;
    err = rl_fix_session_step(&self->session, event, now);
    list = actions_of(self);
    /* After an answer the message is still with the application. */
    if (is_answer(event->kind))
        self->is_delivered = was_delivered;
    let_go(self);
    if (!list || !err)
        return list;
    Py_DECREF(list);
    return core_raise(PyType_GetModule(Py_TYPE((PyObject *)self)), err, "not sent");
}

static PyObject *plain(PyObject *op, PyObject *arg, enum rl_fix_event_kind kind)
{
    struct rl_fix_event event = {.kind = kind};
    uint64_t now;

    if (py_number("now", arg, UINT64_MAX, &now) < 0 || may_step(py_session_of(op), kind) < 0)
        return NULL;
    return step(py_session_of(op), &event, now);
}

static PyObject *session_connected(PyObject *op, PyObject *now)
{
    return plain(op, now, RL_FIX_EV_CONNECTED);
}

static PyObject *session_disconnected(PyObject *op, PyObject *now)
{
    return plain(op, now, RL_FIX_EV_DISCONNECTED);
}

static PyObject *session_timer(PyObject *op, PyObject *now)
{
    return plain(op, now, RL_FIX_EV_TIMER);
}

static PyObject *session_proceed(PyObject *op, PyObject *now)
{
    return plain(op, now, RL_FIX_EV_CONTINUE);
}

static PyObject *session_message(PyObject *op, PyObject *args)
{
    struct py_session *self = py_session_of(op);
    struct rl_fix_event event = {.kind = RL_FIX_EV_MESSAGE};
    PyObject *time;
    Py_buffer data;
    uint64_t now;

    if (!PyArg_ParseTuple(args, "Oy*:message", &time, &data))
        return NULL;
    if (py_number("now", time, UINT64_MAX, &now) < 0 || may_step(self, event.kind) < 0 ||
        data.len > RL_FIX_MAX_MESSAGE) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a message of more than 1 MiB");
        PyBuffer_Release(&data);
        return NULL;
    }
    self->message = data;
    event.bytes = data.buf;
    event.n_bytes = (uint32_t)data.len;
    return step(self, &event, now);
}

static PyObject *session_send(PyObject *op, PyObject *args)
{
    struct rl_fix_event event = {.kind = RL_FIX_EV_SEND};
    PyObject *time, *list = NULL;
    Py_buffer body, head;
    uint64_t now;

    if (!PyArg_ParseTuple(args, "Osy*y*:send", &time, &event.type, &body, &head))
        return NULL;
    event.bytes = body.buf;
    event.n_bytes = (uint32_t)body.len;
    event.head = head.len > 0 ? head.buf : NULL;
    event.n_head = (uint32_t)head.len;
    if (body.len > RL_FIX_MAX_MESSAGE || head.len > RL_FIX_MAX_MESSAGE)
        PyErr_SetString(PyExc_ValueError, "a message of more than 1 MiB");
    else if (py_number("now", time, UINT64_MAX, &now) == 0 &&
             may_step(py_session_of(op), event.kind) == 0)
        list = step(py_session_of(op), &event, now);
    PyBuffer_Release(&body);
    PyBuffer_Release(&head);
    return list;
}

static PyObject *session_logout(PyObject *op, PyObject *args)
{
    struct rl_fix_event event = {.kind = RL_FIX_EV_LOGOUT};
    PyObject *time;
    uint64_t now;

    if (!PyArg_ParseTuple(args, "Oz:logout", &time, &event.text) ||
        py_number("now", time, UINT64_MAX, &now) < 0 || may_step(py_session_of(op), event.kind) < 0)
        return NULL;
    return step(py_session_of(op), &event, now);
}

static PyObject *session_refuse(PyObject *op, PyObject *args)
{
    struct rl_fix_event event = {.kind = RL_FIX_EV_REFUSE};
    PyObject *time, *reason, *tag;
    uint64_t now, numbers[2];

    if (!PyArg_ParseTuple(args, "OOOz:refuse", &time, &reason, &tag, &event.text) ||
        py_number("now", time, UINT64_MAX, &now) < 0 ||
        py_number("reason", reason, UINT32_MAX, &numbers[0]) < 0 ||
        py_number("tag", tag, UINT32_MAX, &numbers[1]) < 0 ||
        may_step(py_session_of(op), event.kind) < 0)
        return NULL;
    event.reason = (uint32_t)numbers[0];
    event.tag = (uint32_t)numbers[1];
    return step(py_session_of(op), &event, now);
}

PyDoc_STRVAR(connected_doc, "connected($self, now, /)\n--\n\nA connection is there.");
PyDoc_STRVAR(disconnected_doc,
             "disconnected($self, now, /)\n--\n\nThe other side closed the connection.");
PyDoc_STRVAR(timer_doc, "timer($self, now, /)\n--\n\nThe deadline has come.");
PyDoc_STRVAR(proceed_doc, "proceed($self, now, /)\n--\n\nGo on, as `more` asks.");
PyDoc_STRVAR(message_doc, "message($self, now, message, /)\n--\n\nOne frame as fix_cut cuts it.");
PyDoc_STRVAR(send_doc, "send($self, now, type, body, head, /)\n--\n\nAn application message: its "
                       "fields, and those of the header that are not the session's.");
PyDoc_STRVAR(logout_doc, "logout($self, now, text, /)\n--\n\nEnd the session.");
PyDoc_STRVAR(refuse_doc, "refuse($self, now, reason, tag, text, /)\n--\n\n"
                         "The message just delivered is wrong.");

PyMethodDef session_methods[] = {
    {"connected", session_connected, METH_O, connected_doc},
    {"disconnected", session_disconnected, METH_O, disconnected_doc},
    {"timer", session_timer, METH_O, timer_doc},
    {"proceed", session_proceed, METH_O, proceed_doc},
    {"message", session_message, METH_VARARGS, message_doc},
    {"send", session_send, METH_VARARGS, send_doc},
    {"logout", session_logout, METH_VARARGS, logout_doc},
    {"refuse", session_refuse, METH_VARARGS, refuse_doc},
    {NULL, NULL, 0, NULL},
};
