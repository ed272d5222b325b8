/* KillBoard: the kill board, in plain memory or as the file of a run directory. */
#include "py/py_kill.h"
#include "base/clock.h"
#include "trade/kill/on_signal.h"

#include <errno.h>

struct rl_kill *kill_open(PyObject *op)
{
    if (!kill_of(op)->kill)
        PyErr_SetString(PyExc_ValueError, "the board is closed");
    return kill_of(op)->kill;
}

static PyObject *fail(PyObject *op, int err, const char *what)
{
    return core_raise(PyType_GetModule(Py_TYPE(op)), err, what);
}

static PyObject *kill_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"dir", "create", "tsc_hz", NULL};
    struct py_kill *self;
    PyObject *dir = Py_None, *path = NULL;
    unsigned long long tsc_hz = 0;
    const char *why = "no memory";
    int create = 0, err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "|OpK:KillBoard", names, &dir, &create, &tsc_hz) ||
        (dir != Py_None && !PyUnicode_FSConverter(dir, &path)))
        return NULL;
    self = (struct py_kill *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self) {
        Py_XDECREF(path);
        return NULL;
    }
    self->board = (struct rl_board){.dir_fd = -1, .lock_fd = -1};
    if (path) {
        const char *name = PyBytes_AsString(path);

        Py_BEGIN_ALLOW_THREADS
        err = create ? rl_board_create(&self->board, name, tsc_hz, &why)
                     : rl_board_open(&self->board, name, &why);
        Py_END_ALLOW_THREADS
        self->is_file = err == 0;
        self->kill = self->board.kill;
        Py_DECREF(path);
    } else {
        err = rl_arena_open(&self->arena, sizeof(*self->kill), 0);
        if (!err) {
            self->kill = rl_arena_take(&self->arena, sizeof(*self->kill), RL_CACHE_LINE);
            rl_kill_init(self->kill, 0);
        }
    }
    if (err) {
        PyObject *raised = core_raise(PyType_GetModule(type), err, why);

        Py_DECREF(self);
        return raised;
    }
    return (PyObject *)self;
}

static void give_back(struct py_kill *self)
{
    if (!self->kill)
        return;
    rl_kill_off_signal(self->kill);
    self->kill = NULL;
    if (self->is_file)
        rl_board_close(&self->board);
    else
        rl_arena_close(&self->arena);
}

static void kill_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    give_back(kill_of(op));
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static PyObject *kill_close(PyObject *op, PyObject *unused)
{
    (void)unused;
    if (kill_of(op)->n_views > 0)
        return PyErr_Format(PyExc_BufferError, "%zd views of the board are still alive",
                            kill_of(op)->n_views);
    give_back(kill_of(op));
    Py_RETURN_NONE;
}

/* ---- The board ----------------------------------------------------------------------------------
 */

static PyObject *kill_trip(PyObject *op, PyObject *args)
{
    unsigned int scope, index, cause, who;
    struct rl_kill *k = kill_open(op);

    if (!k || !PyArg_ParseTuple(args, "IIII:trip", &scope, &index, &cause, &who))
        return NULL;
    return PyBool_FromLong(
        rl_kill_trip(k, (enum rl_scope)scope, index, (enum rl_kill_cause)cause, who));
}

static PyObject *kill_acknowledge(PyObject *op, PyObject *unused)
{
    struct rl_kill *k = kill_open(op);

    (void)unused;
    return k ? PyLong_FromUnsignedLongLong(rl_kill_acknowledge(k, rl_tsc())) : NULL;
}

static PyObject *kill_beat(PyObject *op, PyObject *arg)
{
    struct rl_kill *k = kill_open(op);
    unsigned long beat = k ? PyLong_AsUnsignedLong(arg) : 0;

    if (!k || PyErr_Occurred())
        return NULL;
    if (beat >= RL_N_BEATS)
        return PyErr_Format(PyExc_ValueError, "no such thread: %lu", beat);
    rl_kill_beat(k, (enum rl_beat)beat, rl_tsc());
    Py_RETURN_NONE;
}

/* ---- Draining and resetting ---------------------------------------------------------------------
 */

static PyObject *kill_draining(PyObject *op, PyObject *unused)
{
    struct rl_kill *k = kill_open(op);

    (void)unused;
    return k ? PyBool_FromLong(rl_kill_draining(k)) : NULL;
}

static PyObject *kill_drained(PyObject *op, PyObject *arg)
{
    struct rl_kill *k = kill_open(op);
    unsigned long long n = k ? PyLong_AsUnsignedLongLong(arg) : 0;

    if (!k || PyErr_Occurred())
        return NULL;
    return PyBool_FromLong(rl_kill_drained(k, n));
}

static PyObject *kill_request(PyObject *op, PyObject *unused)
{
    struct rl_kill *k = kill_open(op);
    uint32_t epoch;
    int err;

    (void)unused;
    if (!k)
        return NULL;
    err = rl_kill_request(k, &epoch);
    if (err == -EALREADY)
        return fail(op, err, "nothing is tripped");
    if (err)
        return fail(op, err, "its orders are not taken back yet");
    return PyLong_FromUnsignedLong(epoch);
}

static PyObject *kill_arm(PyObject *op, PyObject *args)
{
    struct rl_kill *k = kill_open(op);
    unsigned int epoch, scope, index;
    int err;

    if (!k || !PyArg_ParseTuple(args, "III:arm", &epoch, &scope, &index))
        return NULL;
    err = rl_kill_arm(k, epoch, scope, index);
    if (err == -ESTALE)
        return fail(op, err, "the epoch is not that of the last request");
    if (err == -EAGAIN)
        return fail(op, err, "something was tripped since the request");
    if (err == -EBUSY)
        return fail(op, err, "a cause still holds");
    if (err)
        return fail(op, err, "no such scope");
    Py_RETURN_NONE;
}

static PyObject *kill_set_active(PyObject *op, PyObject *arg)
{
    struct rl_kill *k = kill_open(op);
    unsigned long long causes = k ? PyLong_AsUnsignedLongLong(arg) : 0;

    if (!k || PyErr_Occurred())
        return NULL;
    rl_kill_set_active(k, false, causes);
    Py_RETURN_NONE;
}

/* ---- The file -----------------------------------------------------------------------------------
 */

static PyObject *kill_persist(PyObject *op, PyObject *unused)
{
    struct py_kill *self = kill_of(op);
    int err;

    (void)unused;
    if (!kill_open(op))
        return NULL;
    if (!self->is_file)
        return fail(op, -ENOTSUP, "a board in plain memory has no latch");
    Py_BEGIN_ALLOW_THREADS
    err = rl_board_persist(&self->board);
    Py_END_ALLOW_THREADS
    if (err)
        return fail(op, err, NULL);
    Py_RETURN_NONE;
}

static PyObject *kill_on_signal(PyObject *op, PyObject *arg)
{
    struct rl_kill *k = kill_open(op);
    long signo = k ? PyLong_AsLong(arg) : 0;
    int err;

    if (!k || PyErr_Occurred())
        return NULL;
    err = signo > 0 && signo < 65 ? rl_kill_on_signal(k, (int)signo) : -EINVAL;
    if (err)
        return fail(op, err, NULL);
    Py_RETURN_NONE;
}

/* ---- Rules --------------------------------------------------------------------------------------
 */

/* ---- Memory -------------------------------------------------------------------------------------
 */

static int kill_getbuffer(PyObject *op, Py_buffer *view, int flags)
{
    struct py_kill *self = kill_of(op);

    view->obj = NULL;
    if (!self->kill) {
        PyErr_SetString(PyExc_BufferError, "the board is closed");
        return -1;
    }
    if (PyBuffer_FillInfo(view, op, self->kill, sizeof(*self->kill), 0, flags) < 0)
        return -1;
    self->n_views++;
    return 0;
}

static void kill_releasebuffer(PyObject *op, Py_buffer *view)
{
    (void)view;
    kill_of(op)->n_views--;
}

/* ---- The type -----------------------------------------------------------------------------------
 */

#define DOC(name, signature, text) \
    PyDoc_STRVAR(name##_doc, #name "($self, " signature "/)\n--\n\n" text)

PyDoc_STRVAR(kill_doc, "KillBoard(dir=None, create=False, tsc_hz=0)\n--\n\n"
                       "The kill board (csrc/trade/kill/kill.h): plain memory, or the file of a "
                       "run directory.\n\nbytes(board) are the whole board; memoryview(board) is "
                       "live and can be written.");
DOC(close, "", "Gives the memory back; a file stays. BufferError while views are alive.");
DOC(trip, "scope, index, cause, who, ", "Stops a scope; True: this is the first cause.");
DOC(allows, "instrument, venue, account, strategy, ", "May an order of these leave?");
DOC(is_tripped, "scope, index, ", "Is exactly this scope tripped?");
DOC(why, "", "(state, first cause, scope, index, causes, epoch, tsc, wall_ns, who)");
DOC(tripped, "", "Every tripped (scope, index).");
DOC(notes, "", "The last trips that added something: (cause, scope, index, who, tsc) each.");
DOC(acknowledge, "", "As the order thread does: what is tripped has been seen. The word.");
DOC(seen, "", "(is all seen, tsc of the last acknowledgement, orders sent by then)");
DOC(beat, "beat, ", "A sign of life.");
DOC(draining, "", "TRIPPED becomes DRAINING; False: it was not TRIPPED.");
DOC(drained, "n_residual, ", "DRAINING becomes DRAINED; False: it was not DRAINING.");
DOC(request, "", "Asks for a reset: the epoch that approvals must name.");
DOC(arm, "epoch, scope, index, ", "Ends the trip of a scope, or of all (255).");
DOC(set_active, "causes, ", "The causes that the engine finds holding now, 1 << cause each.");
DOC(persist, "", "Saves the latch.");
DOC(file, "", "(is saved, errno of the save, engine runs, pid, watchdog's pid, tsc_hz) or None");
DOC(on_signal, "signo, ", "The signal trips everything, whatever Python is doing.");
DOC(judge, "rules, tsc_hz, ", "Indices of the broken ones of rules in words.");

static PyMethodDef kill_methods[] = {
    {"close", kill_close, METH_NOARGS, close_doc},
    {"trip", kill_trip, METH_VARARGS, trip_doc},
    {"allows", kill_allows, METH_VARARGS, allows_doc},
    {"is_tripped", kill_is_tripped, METH_VARARGS, is_tripped_doc},
    {"why", kill_why, METH_NOARGS, why_doc},
    {"tripped", kill_tripped, METH_NOARGS, tripped_doc},
    {"notes", kill_notes, METH_NOARGS, notes_doc},
    {"acknowledge", kill_acknowledge, METH_NOARGS, acknowledge_doc},
    {"seen", kill_seen, METH_NOARGS, seen_doc},
    {"beat", kill_beat, METH_O, beat_doc},
    {"draining", kill_draining, METH_NOARGS, draining_doc},
    {"drained", kill_drained, METH_O, drained_doc},
    {"request", kill_request, METH_NOARGS, request_doc},
    {"arm", kill_arm, METH_VARARGS, arm_doc},
    {"set_active", kill_set_active, METH_O, set_active_doc},
    {"persist", kill_persist, METH_NOARGS, persist_doc},
    {"file", kill_file, METH_NOARGS, file_doc},
    {"on_signal", kill_on_signal, METH_O, on_signal_doc},
    {"judge", kill_judge, METH_VARARGS, judge_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef kill_getset[] = {
    {"active", kill_active, NULL, "causes that hold now, 1 << cause each", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot kill_slots[] = {
    {Py_tp_doc, (void *)kill_doc},
    {Py_tp_new, kill_new},
    {Py_tp_dealloc, kill_dealloc},
    {Py_tp_methods, kill_methods},
    {Py_tp_getset, kill_getset},
    {Py_bf_getbuffer, kill_getbuffer},
    {Py_bf_releasebuffer, kill_releasebuffer},
    {0, NULL},
};

PyType_Spec kill_spec = {
    .name = "engine._core.KillBoard",
    .basicsize = sizeof(struct py_kill),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = kill_slots,
};
