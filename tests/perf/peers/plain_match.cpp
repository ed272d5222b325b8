/*
 * A matcher as a first version of one is written everywhere: an order is found in an unordered_map,
 * the levels of a side are a std::map, the queue of a level is a std::list. Takes the requests that
 * bench_match --requests wrote. It does less than ours, and is here to show what the rest costs: it
 * knows limit orders alone, asks for no owner, checks nothing, and tells nobody what happened.
 */
#include <list>
#include <unordered_map>

#include "peer.hpp"

namespace
{

enum Kind { kMove, kNew, kCancel, kTake };

/* struct compact of tests/c/bench_match.c */
struct Request {
    uint64_t id, new_id;
    int64_t px_nano;
    uint32_t qty;
    uint8_t kind, side;
    uint16_t owner;
};
static_assert(sizeof(Request) == 32, "struct compact");

struct Order {
    uint64_t id, qty;
};

using Queue = std::list<Order>;
using Side = std::map<int64_t, Queue>; /* by how good the price is: bids negated */

struct Place {
    uint8_t side;
    int64_t key;
    Queue::iterator at;
};

class PlainMatcher
{
  public:
    void start()
    {
        for (Side &side : sides_)
            side.clear();
        places_.clear();
    }

    uint64_t step(const uint8_t *bytes, uint32_t)
    {
        Request r;

        std::memcpy(&r, bytes, sizeof r);
        switch (r.kind) {
        case kMove:
            take_out(r.id);
            return enter(r.new_id, r, true);
        case kNew:
            return enter(r.id, r, true);
        case kCancel:
            take_out(r.id);
            return 0;
        default:
            return enter(r.id, r, false);
        }
    }

    /* rl_books_hash of csrc/market/book/book.h: the sum over live orders, whatever their order. */
    uint64_t answer(uint64_t)
    {
        uint64_t hash = 0;

        for (const auto &live : places_) {
            const Place &place = live.second;
            uint64_t h = mix(place.side + 0x9E3779B97F4A7C15ULL);

            h = mix(h ^ live.first);
            h = mix(h + static_cast<uint64_t>(place.side == 0 ? -place.key : place.key));
            hash += mix(h ^ place.at->qty);
        }
        return hash;
    }

    const char *about()
    {
        return "std::map, std::list, std::unordered_map; no owners, no checks, no events";
    }

  private:
    static int64_t key_of(uint8_t side, int64_t px_nano)
    {
        return side == 0 ? -px_nano : px_nano;
    }

    /* The quantity that traded; what is left rests, if it may. */
    uint64_t enter(uint64_t id, const Request &r, bool rests)
    {
        Side &others = sides_[1 - r.side];
        const int64_t limit = key_of(1 - r.side, r.px_nano); /* the worst that may trade */
        uint64_t left = r.qty;

        while (left > 0 && !others.empty() && others.begin()->first <= limit) {
            Queue &queue = others.begin()->second;
            Order &first = queue.front();
            const uint64_t qty = std::min(left, first.qty);

            left -= qty;
            first.qty -= qty;
            if (first.qty > 0)
                break;
            places_.erase(first.id);
            queue.pop_front();
            if (queue.empty())
                others.erase(others.begin());
        }
        if (left > 0 && rests) {
            const int64_t key = key_of(r.side, r.px_nano);
            Queue &queue = sides_[r.side][key];

            queue.push_back({id, left});
            places_.emplace(id, Place{r.side, key, std::prev(queue.end())});
        }
        return r.qty - left;
    }

    void take_out(uint64_t id)
    {
        const auto found = places_.find(id);
        const Place &place = found->second;
        const auto level = sides_[place.side].find(place.key);

        level->second.erase(place.at);
        if (level->second.empty())
            sides_[place.side].erase(level);
        places_.erase(found);
    }

    Side sides_[2];
    std::unordered_map<uint64_t, Place> places_;
};

} // namespace

int main(int argc, char **argv)
{
    return peer_main<PlainMatcher>(argc, argv);
}
