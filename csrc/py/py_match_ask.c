/* What Match can be asked: depth, queues, orders, prices, phases, integrity. */
#include "py/py_fields.h"
#include "py/py_match.h"
#include "py/py_records.h"

/* Shown orders, or those that wait for a stop price, whose sides are the other
 * way round. */
static const struct rl_books *books_of(PyObject *op, int is_waiting)
{
    const struct rl_match *m = match_idle(op);

    if (!m)
        return NULL;
    return is_waiting ? rl_match_stops(m) : rl_match_books(m);
}

static enum rl_side side_of(unsigned side, int is_waiting)
{
    return (side == RL_SELL) != (is_waiting != 0) ? RL_SELL : RL_BUY;
}

static PyObject *match_depth(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"instrument", "side", "is_waiting", "out", NULL};
    const struct rl_books *b;
    struct py_records held;
    struct py_records_want want = {NULL, "out", sizeof(struct rl_book_depth),
                                   _Alignof(struct rl_book_depth), true};
    unsigned int instrument, side;
    int is_waiting;
    uint32_t n;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "IIpO:depth", names, &instrument, &side, &is_waiting,
                                     &want.op))
        return NULL;
    b = books_of(op, is_waiting);
    if (!b || py_records_hold(&held, &want, 1) < 0)
        return NULL;
    n = rl_books_depth(b, instrument, side_of(side, is_waiting), held.view.buf,
                       held.n < UINT32_MAX ? (uint32_t)held.n : UINT32_MAX);
    py_records_release(&held, 1);
    return PyLong_FromUnsignedLong(n);
}

/* Mirrored by engine.market.books.QUEUED. */
struct queued {
    uint64_t id;
    uint64_t qty;
};

static PyObject *match_queue(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"instrument", "side", "px_nano", "is_waiting", "out", NULL};
    const struct rl_books *b;
    struct py_records held;
    struct py_records_want want = {NULL, "out", sizeof(struct queued), _Alignof(struct queued),
                                   true};
    const struct rl_book_order *o;
    unsigned int instrument, side;
    struct queued *out;
    long long px_nano;
    int is_waiting;
    uint64_t n = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "IILpO:queue", names, &instrument, &side, &px_nano,
                                     &is_waiting, &want.op))
        return NULL;
    b = books_of(op, is_waiting);
    if (!b || py_records_hold(&held, &want, 1) < 0)
        return NULL;
    out = held.view.buf;
    o = rl_books_front_at(b, instrument, side_of(side, is_waiting), px_nano);
    for (; o && n < held.n; o = rl_books_behind(b, o))
        out[n++] = (struct queued){o->id, o->qty};
    py_records_release(&held, 1);
    return PyLong_FromUnsignedLongLong(n);
}

static PyObject *match_n(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"instrument", "side", "is_waiting", NULL};
    const struct rl_books *b;
    unsigned int instrument, side;
    int is_waiting;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "IIp:n", names, &instrument, &side, &is_waiting))
        return NULL;
    b = books_of(op, is_waiting);
    if (!b)
        return NULL;
    return Py_BuildValue("(II)", rl_books_n_levels(b, instrument, side_of(side, is_waiting)),
                         rl_books_n_orders(b, instrument, side_of(side, is_waiting)));
}

static PyObject *match_find(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"instrument", "id", NULL};
    struct rl_match *m = match_idle(op);
    unsigned int instrument;
    struct rl_match_view v;
    PyObject *id;
    uint64_t number;

    if (!m || !PyArg_ParseTupleAndKeywords(args, kw, "IO:find", names, &instrument, &id) ||
        py_number("id", id, UINT64_MAX, &number) < 0)
        return NULL;
    if (!rl_match_find(m, instrument, number, &v))
        Py_RETURN_NONE;
    return Py_BuildValue("(KKKKKNNIIBBBBB)", v.user, v.leaves, v.shown, v.done, v.expire_ns,
                         py_px(v.px_nano), py_px(v.stop_px_nano), v.instrument, v.owner, v.side,
                         v.type, v.tif, v.stp, v.flags);
}

static PyObject *match_last_px(PyObject *op, PyObject *args)
{
    struct rl_match *m = match_idle(op);
    unsigned int instrument;

    if (!m || !PyArg_ParseTuple(args, "I:last_px", &instrument))
        return NULL;
    return py_px(rl_match_last_px(m, instrument));
}

static PyObject *match_phase(PyObject *op, PyObject *args)
{
    struct rl_match *m = match_idle(op);
    unsigned int instrument;

    if (!m || !PyArg_ParseTuple(args, "I:phase", &instrument))
        return NULL;
    return PyLong_FromLong((long)rl_match_phase_of(m, instrument));
}

static PyObject *match_next_expiry(PyObject *op, PyObject *unused)
{
    struct rl_match *m = match_idle(op);

    (void)unused;
    return m ? PyLong_FromUnsignedLongLong(rl_match_next_expiry_ns(m)) : NULL;
}

static PyObject *match_hash(PyObject *op, PyObject *unused)
{
    struct rl_match *m = match_idle(op);

    (void)unused;
    return m ? PyLong_FromUnsignedLongLong(rl_match_hash(m)) : NULL;
}

static PyObject *match_books_hash(PyObject *op, PyObject *unused)
{
    struct rl_match *m = match_idle(op);

    (void)unused;
    return m ? PyLong_FromUnsignedLongLong(rl_books_hash(rl_match_books(m))) : NULL;
}

static PyObject *match_check(PyObject *op, PyObject *unused)
{
    struct rl_match *m = match_idle(op);
    const char *what = NULL;

    (void)unused;
    if (!m)
        return NULL;
    py_match_of(op)->is_busy = true;
    Py_BEGIN_ALLOW_THREADS(void)
    rl_match_check(m, &what);
    Py_END_ALLOW_THREADS
    py_match_of(op)->is_busy = false;
    if (what)
        return PyUnicode_FromString(what);
    Py_RETURN_NONE;
}

/* --- all methods
 * ------------------------------------------------------------------------------
 */

PyDoc_STRVAR(take_doc, "take($self, /, requests, times)\n--\n\n"
                       "Take requests, each at its time; how many events wait to be drained.");
PyDoc_STRVAR(drain_doc, "drain($self, /, out)\n--\n\n"
                        "Move the oldest events that wait into out; how many.");
PyDoc_STRVAR(depth_doc, "depth($self, /, instrument, side, is_waiting, out)\n--\n\n"
                        "Fill out with the best levels of a side, best first; how many.");
PyDoc_STRVAR(queue_doc, "queue($self, /, instrument, side, px_nano, is_waiting, out)\n--\n\n"
                        "Fill out with the orders at a price, first in line first; how many.");
PyDoc_STRVAR(n_doc, "n($self, /, instrument, side, is_waiting)\n--\n\n(levels, orders).");
PyDoc_STRVAR(find_doc, "find($self, /, instrument, id)\n--\n\n"
                       "(user, leaves, shown, done, expire_ns, px_nano, stop_px_nano, "
                       "instrument, owner, "
                       "side, type, tif, stp, flags) of a live order, or None.");
PyDoc_STRVAR(last_px_doc, "last_px($self, instrument, /)\n--\n\nOf the last trade, or None.");
PyDoc_STRVAR(phase_doc, "phase($self, instrument, /)\n--\n\nThe number of its phase.");
PyDoc_STRVAR(next_expiry_doc, "next_expiry_ns($self, /)\n--\n\n"
                              "When the next order reaches its date; 2**64 - 1: none.");
PyDoc_STRVAR(hash_doc, "hash($self, /)\n--\n\nOver all events so far.");
PyDoc_STRVAR(books_hash_doc, "books_hash($self, /)\n--\n\nOver what is shown, as Books.hash.");
PyDoc_STRVAR(check_doc, "check($self, /)\n--\n\n"
                        "What is wrong inside, as a sentence; None when nothing is.");

PyMethodDef match_methods[] = {
    {"take", RL_PY_KEYWORDS(match_take), take_doc},
    {"drain", RL_PY_KEYWORDS(match_drain), drain_doc},
    {"depth", RL_PY_KEYWORDS(match_depth), depth_doc},
    {"queue", RL_PY_KEYWORDS(match_queue), queue_doc},
    {"n", RL_PY_KEYWORDS(match_n), n_doc},
    {"find", RL_PY_KEYWORDS(match_find), find_doc},
    {"last_px", match_last_px, METH_VARARGS, last_px_doc},
    {"phase", match_phase, METH_VARARGS, phase_doc},
    {"next_expiry_ns", match_next_expiry, METH_NOARGS, next_expiry_doc},
    {"hash", match_hash, METH_NOARGS, hash_doc},
    {"books_hash", match_books_hash, METH_NOARGS, books_hash_doc},
    {"check", match_check, METH_NOARGS, check_doc},
    {NULL, NULL, 0, NULL},
};
