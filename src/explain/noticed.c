/* noticed: see noticed.h. One row a note, in both languages; one row a phase for what was waited for. */
#include "explain/noticed.h"

#include "explain/demand.h"

/* clang-format off */
static const struct noticed_meaning meanings[NOTE_COUNT] = {
    [NOTE_NO_DOMAIN] = {"domain-not-found", true, "there is no domain %D", "domena %D nie istnieje"},
    [NOTE_NULL_MX] = {"null-mx", true, "%D says in DNS that it takes no mail (null MX)",
                      "domena %D ogłasza w DNS, że nie przyjmuje poczty (pusty MX)"},
    [NOTE_MX_UNUSABLE] = {"no-mail-host", true, "the MX records of %D name no usable host",
                          "rekordy MX domeny %D nie wskazują żadnego użytecznego serwera"},
    [NOTE_MX_IS_US] = {"loop-to-self", true, "the best mail host of %D is this server, which does not host the domain",
                       "najlepszym serwerem poczty domeny %D jest ten serwer, który jej nie obsługuje"},
    [NOTE_NO_MX_NO_ADDRESS] = {"no-mail-host", true, "%D has neither MX nor address records",
                               "domena %D nie ma ani rekordu MX, ani rekordów adresowych"},
    [NOTE_HOST_NO_ADDRESS] = {"no-mail-host", true, "the host %D has no address", "serwer %D nie ma adresu IP"},
    [NOTE_HOSTS_NO_ADDRESS] = {"no-mail-host", true, "none of the mail hosts of %D has a usable address",
                               "żaden z serwerów poczty domeny %D nie ma użytecznego adresu IP"},
    [NOTE_LITERAL_REFUSED] = {"domain-not-found", true, "mail cannot be sent to the address literal %D",
                              "na adres podany wprost, %D, nie można wysłać poczty"},
    [NOTE_DNS_FAILED] = {"dns-failure", false, "the DNS servers of %D failed", "serwery DNS domeny %D zawiodły"},
    [NOTE_DNSSEC_BOGUS] = {"dns-failure", false, "the DNSSEC signatures of %D do not hold",
                           "podpisy DNSSEC domeny %D są nieprawidłowe"},
    [NOTE_RESOLVER_FAILED] = {"dns-failure", false, "%D could not be looked up: this server's resolver failed",
                              "nie udało się sprawdzić %D: zawiódł resolver tego serwera"},

    [NOTE_NO_HOST] = {"host-unreachable", false, "there is no host to talk to", "nie ma serwera, z którym można się połączyć"},
    [NOTE_REFUSED] = {"connection-refused", false, "the connection was refused", "połączenie zostało odrzucone"},
    [NOTE_CONNECT_TIMEOUT] = {"timeout", false, "no connection came about in time",
                              "nie udało się nawiązać połączenia w wyznaczonym czasie"},
    [NOTE_UNREACHABLE] = {"host-unreachable", false, "there is no way to the host (%D)", "nie ma drogi do serwera (%D)"},
    [NOTE_CONNECT_FAILED] = {"host-unreachable", false, "no connection could be made (%D)", "nie udało się połączyć (%D)"},
    [NOTE_NONE_REACHED] = {"host-unreachable", false, "none of the receiving hosts could be reached",
                           "nie udało się połączyć z żadnym z serwerów odbiorcy"},

    [NOTE_SILENCE] = {"timeout", false, "nothing came for too long while waiting for %W",
                      "zbyt długo nic nie nadeszło podczas oczekiwania na %W"},
    [NOTE_HUNG_UP] = {"connection-lost", false, "the server hung up while this one was waiting for %W",
                      "serwer rozłączył się podczas oczekiwania na %W"},
    [NOTE_RESET] = {"connection-lost", false, "the connection broke (%D) while waiting for %W",
                    "połączenie zostało zerwane (%D) podczas oczekiwania na %W"},
    [NOTE_STOPPED] = {"interrupted", false, "this server stopped in the middle of the attempt",
                      "ten serwer zatrzymał się w trakcie próby"},
    [NOTE_TLS_FAILED] = {"tls-failed", false, "TLS failed (OpenSSL: %D)", "TLS nie powiodło się (OpenSSL: %D)"},
    [NOTE_TLS_BROKE] = {"tls-failed", false, "TLS broke off", "TLS zostało przerwane"},
    [NOTE_TLS_TIMEOUT] = {"tls-failed", false, "setting up TLS took too long", "nawiązywanie TLS trwało zbyt długo"},
    [NOTE_TLS_NOT_OFFERED] = {"tls-failed", false, "the server does not offer TLS, which is required here",
                              "serwer nie oferuje TLS, które jest tu wymagane"},
    [NOTE_TLS_INJECTED] = {"tls-failed", false, "bytes in the clear followed the start of TLS",
                           "po rozpoczęciu TLS przyszły nieszyfrowane dane"},
    [NOTE_NO_LOGIN] = {"auth-failed", false, "the server offers no way of logging in that is known here (PLAIN or LOGIN)",
                       "serwer nie oferuje żadnego znanego tu sposobu logowania (PLAIN ani LOGIN)"},
    [NOTE_DEMAND] = {"tls-failed", false, "", ""}, /* told by demand.c, as is */
    [NOTE_NO_TLSA] = {"dns-failure", false, "", ""},
    [NOTE_NO_REQUIRETLS] = {"requiretls-unsupported", true, "", ""},
    [NOTE_NO_SMTP] = {"protocol-error", false, "what the server said is no SMTP reply", "to, co przysłał serwer, nie jest odpowiedzią SMTP"},
    [NOTE_UNASKED] = {"protocol-error", false, "the server spoke without being asked", "serwer odezwał się niepytany"},
    [NOTE_TOO_EARLY] = {"protocol-error", false, "the server answered before it was asked", "serwer odpowiedział, zanim go zapytano"},
    [NOTE_TOO_LARGE] = {"message-too-large", true, "the message is larger than the receiving server says it takes (SIZE)",
                        "wiadomość jest większa, niż według swojej zapowiedzi (SIZE) przyjmuje serwer odbiorcy"},
    [NOTE_NO_SMTPUTF8] = {"smtputf8-unsupported", true,
                          "the receiving server does not offer internationalised addresses and headers (SMTPUTF8)",
                          "serwer odbiorcy nie oferuje adresów i nagłówków w Unicode (SMTPUTF8)"},
    [NOTE_NO_8BIT] = {"8bit-unsupported", true, "the receiving server does not offer 8-bit content (8BITMIME)",
                      "serwer odbiorcy nie oferuje treści 8-bitowej (8BITMIME)"},

    [NOTE_BOX_WRITTEN] = {"", false, "written to the mailbox on this server", "zapisano w skrzynce na tym serwerze"},
    [NOTE_BOX_NAME] = {"address-syntax", true, "the address cannot be the name of a mailbox here",
                       "taki adres nie może być nazwą skrzynki na tym serwerze"},
    [NOTE_BOX_FAILED] = {"local-error", false, "the mailbox cannot be written (%D)", "nie można zapisać do skrzynki (%D)"},

    [NOTE_SUPPRESSED] = {"suppressed", true, "", ""}, /* told by parts */
    [NOTE_UNREADABLE] = {"local-error", false, "the message's record in the log cannot be read back (segment:offset %D)",
                         "nie można odczytać zapisu wiadomości w dzienniku (segment:pozycja %D)"},
    [NOTE_ASKED_RETRY] = {"", false, "an operator asked to try again now", "operator polecił spróbować od razu"},
    [NOTE_ASKED_HOLD] = {"", false, "held by an operator", "wstrzymana przez operatora"},
    [NOTE_ASKED_RELEASE] = {"", false, "released by an operator", "zwolniona przez operatora"},
    [NOTE_ASKED_DROP] = {"", false, "dropped by an operator", "usunięta przez operatora"},

    [NOTE_CONTENT] = {"", false, "content", "treść wiadomości"},
    [NOTE_NEW_CONNECTION] = {"", false, "new connection, to %D", "nowe połączenie, z %D"},
    [NOTE_WITHOUT_TLS] = {"", false, "going on without TLS", "dalej bez TLS"},
};

/* What was waited for; in Polish it follows "na". */
static const char *const awaited[][2] = {
    [PHASE_NONE] = {"an answer", "odpowiedź"},
    [PHASE_DNS] = {"the answer of DNS", "odpowiedź DNS"},
    [PHASE_CONNECT] = {"the connection", "połączenie"},
    [PHASE_BANNER] = {"the greeting", "powitanie"},
    [PHASE_EHLO] = {"the reply to EHLO", "odpowiedź na EHLO"},
    [PHASE_STARTTLS] = {"the reply to STARTTLS", "odpowiedź na STARTTLS"},
    [PHASE_TLS] = {"the TLS handshake", "negocjację TLS"},
    [PHASE_AUTH] = {"the reply to the login", "odpowiedź na logowanie"},
    [PHASE_MAIL] = {"the reply to MAIL FROM", "odpowiedź na MAIL FROM"},
    [PHASE_RCPT] = {"the reply to RCPT TO", "odpowiedź na RCPT TO"},
    [PHASE_DATA] = {"the reply to DATA", "odpowiedź na DATA"},
    [PHASE_BODY] = {"the reply after the content", "odpowiedź po treści wiadomości"},
    [PHASE_QUIT] = {"the reply to QUIT", "odpowiedź na QUIT"},
    [PHASE_LOCAL] = {"this server", "ten serwer"},
};
static const char *const perhaps_taken[2] = {"; the server may have taken the message, so a second copy is possible",
                                             "; serwer mógł jednak przyjąć wiadomość, więc możliwa jest druga kopia"};

/* The parts of what is told of an entry of the suppression list. */
enum part { PART_ADDRESS, PART_DOMAIN, PART_UNTIL, PART_SERVER, PART_ACCOUNT, PART_AUTO, PART_HAND };
static const char *const parts[][2] = {
    [PART_ADDRESS] = {"the address has been suppressed since %D", "adres jest na czarnej liście od %D"},
    [PART_DOMAIN] = {"the whole domain has been suppressed since %D", "cała domena jest na czarnej liście od %D"},
    [PART_UNTIL] = {" (until %D)", " (do %D)"},
    [PART_SERVER] = {" on this server", " na całym serwerze"},
    [PART_ACCOUNT] = {" for the account %D", " dla konta %D"},
    [PART_AUTO] = {": %D, added automatically", ": %D, wpis automatyczny"},
    [PART_HAND] = {": %D, added by hand", ": %D, wpis ręczny"},
};
/* clang-format on */

const struct noticed_meaning *noticed_meaning(struct str note)
{
    struct str detail;
    enum note n = note_take(note, &detail);
    return n ? &meanings[n] : NULL;
}

static bool is_local(const struct outcome_rcpt *r) { return r->phase == PHASE_LOCAL && r->reply.code; }

struct str noticed_of(const struct outcome *o, const struct outcome_rcpt *r)
{
    return is_local(r) ? r->reply.text : r->reply.code ? STR("") : o->note;
}

static void put(const char *form, struct str detail, enum phase phase, int l, struct buf *b)
{
    for (; *form; form++)
        if (form[0] == '%' && (form[1] == 'D' || form[1] == 'W')) {
            buf_add_str(b, form[1] == 'D' ? detail : str_of(awaited[phase][l]));
            form++;
        } else {
            buf_add(b, form, 1);
        }
}

/* "address|domain SINCE UNTIL|- REASON auto|hand SCOPE": the scope is "*" for the server, "" or an account's name. */
static void put_suppressed(struct str detail, int l, struct buf *b)
{
    struct str rest = detail, of = str_split(&rest, ' '), since = str_split(&rest, ' '), until = str_split(&rest, ' ');
    struct str reason = str_split(&rest, ' '), how = str_split(&rest, ' ');
    put(parts[str_eq(of, STR("domain")) ? PART_DOMAIN : PART_ADDRESS][l], since, PHASE_NONE, l, b);
    if (!str_eq(until, STR("-")))
        put(parts[PART_UNTIL][l], until, PHASE_NONE, l, b);
    if (str_eq(rest, STR("*")))
        put(parts[PART_SERVER][l], rest, PHASE_NONE, l, b);
    else if (rest.n)
        put(parts[PART_ACCOUNT][l], rest, PHASE_NONE, l, b);
    put(parts[str_eq(how, STR("auto")) ? PART_AUTO : PART_HAND][l], reason, PHASE_NONE, l, b);
}

void noticed_tell(struct str note, enum phase phase, const char *lang, struct buf *b)
{
    int l = strcmp(lang, "pl") == 0;
    struct str detail;
    enum note n = note_take(note, &detail);
    if (n == NOTE_NONE)
        buf_add_str(b, note);
    else if (n == NOTE_SUPPRESSED)
        put_suppressed(detail, l, b);
    else if (n == NOTE_DEMAND || n == NOTE_NO_TLSA || n == NOTE_NO_REQUIRETLS)
        demand_tell_note(detail, lang, b);
    else
        put(l ? meanings[n].pl : meanings[n].en, detail, phase, l, b);
    if (phase == PHASE_BODY && (n == NOTE_SILENCE || n == NOTE_HUNG_UP || n == NOTE_RESET))
        buf_add_str(b, str_of(perhaps_taken[l]));
}

/* A remark stands in brackets, which no command begins with. */
void noticed_line(const struct outcome_line *line, const char *lang, struct buf *b)
{
    struct str t = line->text;
    bool remark = line->ours && t.n > 2 && t.p[0] == '(' && t.p[t.n - 1] == ')';
    if (!remark) {
        buf_add_str(b, t);
        return;
    }
    buf_add_str(b, STR("("));
    noticed_tell(str_mem(t.p + 1, t.n - 2), PHASE_NONE, lang, b);
    buf_add_str(b, STR(")"));
}
