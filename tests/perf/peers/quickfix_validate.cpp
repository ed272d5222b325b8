/*
 * QuickFIX as a session uses it: setString, then the data dictionary's validation of the message.
 */
#include "quickfix_peer.hpp"

namespace {

class QuickFixValidate
{
public:
    QuickFixValidate() : dictionary_(dictionary_path()) {}

    void start() {}

    uint64_t step(const uint8_t *bytes, uint32_t n)
    {
        text_.assign(reinterpret_cast<const char *>(bytes), n);
        try {
            message_.setString(text_, true, &dictionary_);
            dictionary_.validate(message_);
            return values_of(message_);
        } catch (const std::exception &) {
            return kNotParsed;
        }
    }

    uint64_t answer(uint64_t sum) { return mix(sum); }

    const char *about() { return "libquickfix, with its data dictionary"; }

private:
    FIX::DataDictionary dictionary_;
    FIX::Message message_;
    std::string text_;
};

} // namespace

int main(int argc, char **argv)
{
    return peer_main<QuickFixValidate>(argc, argv);
}
