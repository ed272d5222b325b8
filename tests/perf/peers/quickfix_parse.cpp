/*
 * QuickFIX without validation: setString checks body length and checksum and fills the maps; the
 * dictionary is there for the repeating groups alone.
 */
#include "quickfix_peer.hpp"

namespace {

class QuickFixParse
{
public:
    QuickFixParse() : dictionary_(dictionary_path()) {}

    void start() {}

    uint64_t step(const uint8_t *bytes, uint32_t n)
    {
        text_.assign(reinterpret_cast<const char *>(bytes), n);
        try {
            message_.setString(text_, true, &dictionary_);
            return values_of(message_);
        } catch (const std::exception &) {
            return kNotParsed;
        }
    }

    uint64_t answer(uint64_t sum) { return mix(sum); }

    const char *about() { return "libquickfix, no validation"; }

private:
    FIX::DataDictionary dictionary_;
    FIX::Message message_;
    std::string text_;
};

} // namespace

int main(int argc, char **argv)
{
    return peer_main<QuickFixParse>(argc, argv);
}
