/*
 * A book of std containers, as a first version of one is written everywhere: an order is found in an
 * unordered_map, the levels of a side are a std::map, the queue of a level is a std::list. Reads
 * ITCH 5.0, keeps every order in its queue, and asks for both best prices after every message.
 * Careful with nothing: the stream must be sound.
 */
#include <list>
#include <unordered_map>

#include "peer.hpp"

namespace {

uint64_t big_endian(const uint8_t *s, int n)
{
    uint64_t v = 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | s[i];
    return v;
}

struct Order {
    uint64_t id;
    uint64_t qty;
};

struct Level {
    uint64_t qty = 0;
    std::list<Order> queue;
};

struct Book {
    std::map<int64_t, Level> sides[2]; /* by how good the price is: bids negated */
};

struct Place {
    uint32_t book;
    uint8_t side;
    int64_t key;
    std::list<Order>::iterator at;
};

class MapBook
{
public:
    void start()
    {
        places_.clear();
        books_.clear();
        numbers_.assign(1 << 16, UINT32_MAX);
    }

    uint64_t step(const uint8_t *m, uint32_t)
    {
        if (std::strchr("RAFECXDUP", m[0]) == nullptr)
            return 0;
        const uint64_t id = big_endian(m + 11, 8);
        const uint32_t book = book_of(static_cast<uint16_t>(big_endian(m + 1, 2)));

        switch (m[0]) {
        case 'A':
        case 'F':
            add(book, id, m[19] == 'S', big_endian(m + 32, 4), big_endian(m + 20, 4));
            break;
        case 'E':
        case 'C':
        case 'X':
            reduce(id, big_endian(m + 19, 4));
            break;
        case 'D':
            reduce(id, UINT64_MAX);
            break;
        case 'U': {
            const uint8_t side = places_.find(id)->second.side;

            reduce(id, UINT64_MAX);
            add(book, big_endian(m + 19, 8), side, big_endian(m + 31, 4), big_endian(m + 27, 4));
            break;
        }
        default:
            return 0;
        }
        return best(books_[book].sides[0]) + 3 * best(books_[book].sides[1]);
    }

    /* rl_books_hash of csrc/market/book/book.h: the sum over live orders, whatever their order. */
    uint64_t answer(uint64_t)
    {
        uint64_t hash = 0;

        for (const auto &live : places_) {
            const Place &place = live.second;
            const int64_t ticks = place.side == 0 ? -place.key : place.key;
            uint64_t h = mix((static_cast<uint64_t>(place.book) << 1 | place.side) +
                             0x9E3779B97F4A7C15ULL);

            h = mix(h ^ live.first);
            h = mix(h + static_cast<uint64_t>(ticks * 100000));
            hash += mix(h ^ place.at->qty);
        }
        return hash;
    }

    const char *about()
    {
        return "std::map, std::list, std::unordered_map";
    }

private:
    /* Numbered by appearance in messages that name one, as the feed numbers instruments. */
    uint32_t book_of(uint16_t locate)
    {
        if (numbers_[locate] == UINT32_MAX) {
            numbers_[locate] = static_cast<uint32_t>(books_.size());
            books_.emplace_back();
        }
        return numbers_[locate];
    }

    void add(uint32_t book, uint64_t id, uint8_t side, uint64_t ticks, uint64_t qty)
    {
        const int64_t key = side == 0 ? -static_cast<int64_t>(ticks) : static_cast<int64_t>(ticks);
        Level &level = books_[book].sides[side][key];

        level.qty += qty;
        level.queue.push_back({id, qty});
        places_.emplace(id, Place{book, side, key, std::prev(level.queue.end())});
    }

    void reduce(uint64_t id, uint64_t qty)
    {
        const auto found = places_.find(id);
        const Place &place = found->second;
        auto &side = books_[place.book].sides[place.side];
        const auto level = side.find(place.key);

        qty = std::min(qty, place.at->qty);
        level->second.qty -= qty;
        place.at->qty -= qty;
        if (place.at->qty > 0)
            return;
        level->second.queue.erase(place.at);
        if (level->second.queue.empty())
            side.erase(level);
        places_.erase(found);
    }

    static uint64_t best(const std::map<int64_t, Level> &side)
    {
        return side.empty() ? 0 : static_cast<uint64_t>(side.begin()->first) + side.begin()->second.qty;
    }

    std::vector<uint32_t> numbers_;
    std::vector<Book> books_;
    std::unordered_map<uint64_t, Place> places_;
};

} // namespace

int main(int argc, char **argv)
{
    return peer_main<MapBook>(argc, argv);
}
