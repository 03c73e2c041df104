/* causes: the table of everything that can keep a message from its recipient, with its texts (see explain.h). A row's texts are
 * read by the sender of a message, who knows nothing of mail servers: they say what happened and what to do now. */
#include "explain/cause.h"

#define CAUSE(name, whose, permanent, subject, detail, what_en, what_pl, advice_en, advice_pl)                                   \
    {                                                                                                                            \
        name, whose, permanent, ACTION_STOP, false, "unknown", "undefined", subject, detail, {what_en, advice_en},               \
            {what_pl, advice_pl}, {what_en, advice_en},                                                                          \
        {                                                                                                                        \
            what_pl, advice_pl                                                                                                   \
        }                                                                                                                        \
    }

static const struct cause table[] = {
    /* the recipient's address */
    CAUSE("user-unknown", WHOSE_RECIPIENT, true, 1, 1, "There is no mailbox with this address at the recipient's provider.",
          "Na serwerze odbiorcy nie ma skrzynki o takim adresie.",
          "Check the address for a typing error, or ask the recipient another way for the right one.",
          "Sprawdź, czy w adresie nie ma literówki, albo zapytaj odbiorcę inną drogą o właściwy adres."),
    CAUSE("mailbox-disabled", WHOSE_RECIPIENT, true, 2, 1,
          "The recipient's mailbox exists but is closed, suspended or not used any more.",
          "Skrzynka odbiorcy istnieje, ale została zamknięta, zawieszona lub nie jest już używana.",
          "Reach the recipient another way and ask for a working address.",
          "Skontaktuj się z odbiorcą inną drogą i poproś o działający adres."),
    CAUSE("mailbox-full", WHOSE_RECIPIENT, false, 2, 2, "The recipient's mailbox is full.",
          "Skrzynka odbiorcy jest przepełniona.", "Let the recipient know, and send the message again once there is room.",
          "Powiadom odbiorcę, a gdy zwolni miejsce, wyślij wiadomość ponownie."),
    CAUSE("recipient-moved", WHOSE_RECIPIENT, true, 1, 6, "The recipient has moved to another address.",
          "Odbiorca zmienił adres.", "Use the new address, if the server's reply names one, or ask the recipient for it.",
          "Użyj nowego adresu, jeśli serwer podał go w odpowiedzi, albo zapytaj o niego odbiorcę."),
    CAUSE("recipient-blocked-sender", WHOSE_RECIPIENT, true, 7, 1,
          "The recipient does not take mail from you: the address or a rule of the recipient blocks it.",
          "Odbiorca nie przyjmuje wiadomości od Ciebie: blokuje je jego lista lub reguła.",
          "Reach the recipient another way and ask to be allowed.",
          "Skontaktuj się z odbiorcą inną drogą i poproś o dopuszczenie Twojego adresu."),
    CAUSE("address-syntax", WHOSE_RECIPIENT, true, 1, 3, "The recipient's address is not written correctly.",
          "Adres odbiorcy jest nieprawidłowo zapisany.", "Correct the address and send the message again.",
          "Popraw adres i wyślij wiadomość ponownie."),
    CAUSE("mail-loop", WHOSE_RECEIVER, true, 4, 6,
          "The message was going round in circles between servers, because of a wrong forwarding on the way.",
          "Wiadomość krążyła między serwerami z powodu błędnie ustawionego przekierowania.",
          "Ask the recipient to check the forwarding of that mailbox, or use another address.",
          "Poproś odbiorcę o sprawdzenie przekierowań jego skrzynki albo użyj innego adresu."),
    /* the recipient's domain and the way to it */
    CAUSE("domain-not-found", WHOSE_RECIPIENT, true, 1, 2,
          "The domain in the recipient's address (the part after @) does not exist.",
          "Domena w adresie odbiorcy (część po znaku @) nie istnieje.",
          "Check the address for a typing error; if it is right, the domain may have expired: reach the recipient another way.",
          "Sprawdź, czy w adresie nie ma literówki; jeśli jest poprawny, domena mogła wygasnąć: skontaktuj się z odbiorcą inną "
          "drogą."),
    CAUSE("null-mx", WHOSE_RECIPIENT, true, 1, 10, "The recipient's domain declares that it takes no mail at all.",
          "Domena odbiorcy ogłasza, że w ogóle nie przyjmuje poczty.",
          "Check the part after @, or ask the recipient for another address.",
          "Sprawdź część adresu po znaku @ albo poproś odbiorcę o inny adres."),
    CAUSE("no-mail-host", WHOSE_RECIPIENT, true, 4, 4, "No mail server is set up for the recipient's domain.",
          "Dla domeny odbiorcy nie ustawiono żadnego serwera poczty.",
          "Check the part after @; if it is right, its administrator must set the MX record.",
          "Sprawdź część adresu po znaku @; jeśli jest poprawna, administrator tej domeny musi ustawić rekord MX."),
    CAUSE("loop-to-self", WHOSE_RECIPIENT, true, 4, 6,
          "The recipient's domain points to this server, which is not set up to take mail for it.",
          "Domena odbiorcy wskazuje na ten serwer, który nie ma ustawionego przyjmowania jej poczty.",
          "The domain's administrator must correct its MX record, or this server's must add the domain.",
          "Administrator domeny musi poprawić jej rekord MX albo administrator tego serwera musi ją dodać."),
    CAUSE("dns-failure", WHOSE_NETWORK, false, 4, 3,
          "The recipient's domain could not be looked up at the moment: its name servers do not answer properly.",
          "Nie udało się teraz sprawdzić domeny odbiorcy: jej serwery nazw (DNS) nie odpowiadają prawidłowo.",
          "This usually passes on its own; if it lasts, the domain's administrator must look after its DNS.",
          "Zwykle mija to samo z siebie; jeśli trwa dłużej, DNS domeny musi naprawić jej administrator."),
    CAUSE("host-unreachable", WHOSE_NETWORK, false, 4, 1, "The recipient's mail server cannot be reached.",
          "Nie można połączyć się z serwerem poczty odbiorcy.",
          "This usually passes on its own; if it lasts, tell the recipient another way.",
          "Zwykle mija to samo z siebie; jeśli trwa dłużej, powiadom odbiorcę inną drogą."),
    CAUSE("connection-refused", WHOSE_RECEIVER, false, 4, 1, "The recipient's mail server refuses connections.",
          "Serwer poczty odbiorcy odmawia połączenia.",
          "It is probably being repaired; if it lasts, tell the recipient another way.",
          "Prawdopodobnie trwa jego naprawa; jeśli potrwa to dłużej, powiadom odbiorcę inną drogą."),
    CAUSE("timeout", WHOSE_NETWORK, false, 4, 2, "The recipient's mail server did not answer in time.",
          "Serwer poczty odbiorcy nie odpowiedział na czas.",
          "This usually passes on its own; if it lasts, tell the recipient another way.",
          "Zwykle mija to samo z siebie; jeśli trwa dłużej, powiadom odbiorcę inną drogą."),
    CAUSE("connection-lost", WHOSE_NETWORK, false, 4, 2, "The connection to the recipient's mail server broke off.",
          "Połączenie z serwerem poczty odbiorcy zostało zerwane.",
          "This usually passes on its own; if it lasts, tell the recipient another way.",
          "Zwykle mija to samo z siebie; jeśli trwa dłużej, powiadom odbiorcę inną drogą."),
    CAUSE("tls-failed", WHOSE_RECEIVER, false, 7, 5,
          "No safe (encrypted) connection with the recipient's server could be made, and one is required.",
          "Nie udało się nawiązać z serwerem odbiorcy bezpiecznego (szyfrowanego) połączenia, a jest ono wymagane.",
          "The receiving server's administrator must look after its certificate and TLS settings.",
          "Certyfikat i ustawienia TLS serwera odbiorcy musi sprawdzić jego administrator."),
    /* the receiving server */
    CAUSE("greylisted", WHOSE_RECEIVER, false, 7, 1,
          "The recipient's server asks unknown senders to come back in a few minutes (greylisting).",
          "Serwer odbiorcy prosi nieznanych nadawców, aby spróbowali ponownie za kilka minut (greylisting).",
          "You need not do anything: the message will be retried automatically.",
          "Nie trzeba nic robić: serwer ponowi wysyłkę automatycznie."),
    CAUSE("receiver-overloaded", WHOSE_RECEIVER, false, 3, 2, "The recipient's server is overloaded or under maintenance.",
          "Serwer odbiorcy jest przeciążony albo trwają na nim prace.",
          "You need not do anything: the message will be retried automatically.",
          "Nie trzeba nic robić: serwer ponowi wysyłkę automatycznie."),
    CAUSE("receiver-error", WHOSE_RECEIVER, false, 3, 0,
          "The recipient's server has a fault of its own (disk, software or settings).",
          "Na serwerze odbiorcy wystąpiła awaria (dysku, oprogramowania lub ustawień).",
          "If it lasts, tell the recipient another way, so that their administrator can repair it.",
          "Jeśli potrwa to dłużej, powiadom odbiorcę inną drogą, aby jego administrator usunął awarię."),
    CAUSE("relay-denied", WHOSE_RECEIVER, true, 7, 1,
          "The server that the recipient's domain points to does not handle mail for that domain.",
          "Serwer, na który wskazuje domena odbiorcy, nie obsługuje jej poczty.",
          "Check the part after @; if it is right, the domain's administrator must correct its MX record or its server.",
          "Sprawdź część adresu po znaku @; jeśli jest poprawna, administrator domeny musi poprawić rekord MX lub swój serwer."),
    CAUSE("auth-required", WHOSE_US, true, 7, 0, "The next server wants us to log in before it takes mail.",
          "Kolejny serwer wymaga od nas zalogowania, zanim przyjmie pocztę.",
          "This server's administrator must enter a login and password for that server.",
          "Administrator tego serwera musi wpisać login i hasło do tamtego serwera."),
    CAUSE("auth-failed", WHOSE_US, true, 7, 8, "The next server did not accept our login or password.",
          "Kolejny serwer nie przyjął naszego loginu lub hasła.",
          "This server's administrator must correct the login and password for that server.",
          "Administrator tego serwera musi poprawić login i hasło do tamtego serwera."),
    CAUSE("protocol-error", WHOSE_RECEIVER, true, 5, 0, "The recipient's server and this one did not understand each other.",
          "Serwer odbiorcy i ten serwer nie zrozumiały się nawzajem.",
          "Pass this notice on to your administrator: the technical part shows what the server objected to.",
          "Przekaż to powiadomienie swojemu administratorowi: część techniczna pokazuje, co zakwestionował serwer."),
    CAUSE("local-error", WHOSE_US, false, 3, 0, "This server could not store the message in the recipient's mailbox.",
          "Ten serwer nie zdołał zapisać wiadomości w skrzynce odbiorcy.",
          "This server's administrator must look into it: the technical part tells the reason.",
          "Sprawdzić to musi administrator tego serwera: przyczynę podaje część techniczna."),
    CAUSE("interrupted", WHOSE_US, false, 3, 2, "This server was stopped or restarted in the middle of the delivery.",
          "Ten serwer został zatrzymany lub uruchomiony ponownie w trakcie doręczania.",
          "You need not do anything: the message will be retried automatically.",
          "Nie trzeba nic robić: serwer ponowi wysyłkę automatycznie."),
    /* pace */
    CAUSE("rate-limited", WHOSE_SENDER_VOLUME, false, 7, 0,
          "The recipient's server takes no more mail from here for now, because too much came in a short time.",
          "Serwer odbiorcy na razie nie przyjmuje więcej poczty stąd, bo w krótkim czasie przyszło jej za dużo.",
          "Send large mailings more slowly; what is waiting will be retried automatically.",
          "Duże wysyłki rozkładaj w czasie; czekające wiadomości serwer wyśle ponownie automatycznie."),
    CAUSE("connection-limit", WHOSE_SENDER_VOLUME, false, 4, 5,
          "The recipient's server does not take so many connections from here at once.",
          "Serwer odbiorcy nie przyjmuje stąd tylu połączeń naraz.",
          "You need not do anything: the message will be retried automatically, over fewer connections.",
          "Nie trzeba nic robić: serwer ponowi wysyłkę automatycznie, mniejszą liczbą połączeń."),
    CAUSE("too-many-recipients", WHOSE_SENDER_VOLUME, false, 5, 3,
          "The message has more recipients than the receiving server takes at once.",
          "Wiadomość ma więcej odbiorców, niż serwer przyjmuje naraz.", "Send it to fewer recipients at a time.",
          "Wyślij ją do mniejszej liczby odbiorców naraz."),
    /* who the sender is, and the sender's name */
    CAUSE("sender-auth-failed", WHOSE_SENDER_AUTH, true, 7, 26,
          "The recipient's server could not confirm that the message really comes from your domain (SPF, DKIM, DMARC).",
          "Serwer odbiorcy nie mógł potwierdzić, że wiadomość naprawdę pochodzi z Twojej domeny (SPF, DKIM, DMARC).",
          "The administrator of your domain must add this server to the SPF record and publish its DKIM key.",
          "Administrator Twojej domeny musi dodać ten serwer do rekordu SPF i opublikować jego klucz DKIM."),
    CAUSE("no-reverse-dns", WHOSE_SENDER_AUTH, true, 7, 25,
          "The recipient's server objects to the name under which this server presents itself (reverse DNS or HELO).",
          "Serwer odbiorcy kwestionuje nazwę, pod którą przedstawia się ten serwer (rekord odwrotny DNS lub HELO).",
          "This server's administrator must make its IP address, its PTR record and its HELO name agree.",
          "Administrator tego serwera musi uzgodnić jego adres IP, rekord PTR i nazwę HELO."),
    CAUSE("sender-refused", WHOSE_SENDER_AUTH, true, 1, 8, "The recipient's server does not accept your address as a sender.",
          "Serwer odbiorcy nie przyjmuje Twojego adresu jako nadawcy.",
          "Check that your sender address exists and its domain takes mail; if so, ask the recipient to allow it.",
          "Sprawdź, czy Twój adres nadawcy istnieje, a jego domena przyjmuje pocztę; jeśli tak, poproś odbiorcę o dopuszczenie "
          "go."),
    CAUSE("ip-listed", WHOSE_SENDER_REPUTATION, true, 7, 1, "The IP address this mail leaves from is on a block list.",
          "Adres IP, z którego wychodzi ta poczta, jest na czarnej liście.",
          "Your address and the recipient's are fine; this server's administrator must have the IP taken off the list that the "
          "reply names.",
          "Adresy Twój i odbiorcy są w porządku; administrator tego serwera musi doprowadzić do usunięcia IP z listy podanej w "
          "odpowiedzi."),
    CAUSE("domain-listed", WHOSE_SENDER_REPUTATION, true, 7, 1, "A domain or link in the message is on a block list.",
          "Domena lub odnośnik z wiadomości jest na czarnej liście.",
          "Remove the link, or have the domain taken off the list that the reply names, and send the message again.",
          "Usuń odnośnik albo doprowadź do usunięcia domeny z listy podanej w odpowiedzi i wyślij wiadomość ponownie."),
    CAUSE("reputation", WHOSE_SENDER_REPUTATION, false, 7, 0,
          "The recipient's provider does not trust mail from here at present, because of earlier complaints or spam.",
          "Dostawca poczty odbiorcy obecnie nie ufa poczcie stąd, z powodu wcześniejszych skarg lub spamu.",
          "Send only to people who want your mail, and less of it; this server's administrator can write to the provider's "
          "postmaster.",
          "Wysyłaj tylko do osób, które chcą Twojej poczty, i mniej; administrator tego serwera może napisać do postmastera "
          "dostawcy."),
    /* the message */
    CAUSE("spam-content", WHOSE_SENDER_CONTENT, true, 7, 1, "The recipient's server took the message for spam.",
          "Serwer odbiorcy uznał wiadomość za spam.",
          "Change what may look like spam (subject, links, pictures without text, attachments) and send it again.",
          "Zmień to, co może wyglądać na spam (temat, odnośniki, obrazki bez tekstu, załączniki), i wyślij ją ponownie."),
    CAUSE("virus", WHOSE_SENDER_CONTENT, true, 7, 1, "The recipient's server found a virus or other harmful code in the message.",
          "Serwer odbiorcy wykrył w wiadomości wirusa lub inny szkodliwy kod.",
          "Do not send it again; have your computer checked, and the files you attached.",
          "Nie wysyłaj jej ponownie; sprawdź swój komputer i załączone pliki programem antywirusowym."),
    CAUSE("forbidden-content", WHOSE_SENDER_CONTENT, true, 7, 1,
          "The recipient's server does not take this kind of attachment or content.",
          "Serwer odbiorcy nie przyjmuje takich załączników lub treści.",
          "Send the file another way (for example as a link to a file store), or in another format.",
          "Przekaż plik inną drogą (na przykład jako odnośnik do dysku w sieci) albo w innym formacie."),
    CAUSE("malformed-message", WHOSE_SENDER_CONTENT, true, 6, 0, "The message is not built as the rules of e-mail require.",
          "Wiadomość nie jest zbudowana zgodnie z zasadami poczty elektronicznej.",
          "Send it from another mail program, or have whoever made the sending program correct the point that the reply names.",
          "Wyślij ją z innego programu pocztowego albo poproś autora programu o poprawienie tego, co wskazuje odpowiedź."),
    CAUSE("message-too-large", WHOSE_SENDER_CONTENT, true, 3, 4, "The message is larger than the recipient's server takes.",
          "Wiadomość jest większa, niż przyjmuje serwer odbiorcy.",
          "Make the attachments smaller, or send a link to them instead.",
          "Zmniejsz załączniki albo zamiast nich wyślij odnośnik."),
    CAUSE("smtputf8-unsupported", WHOSE_RECEIVER, true, 6, 7,
          "An address has letters beyond plain ASCII, and the recipient's server cannot handle such addresses.",
          "W adresie są litery spoza podstawowego alfabetu (ASCII), a serwer odbiorcy nie obsługuje takich adresów.",
          "Use addresses with plain letters only.", "Użyj adresów bez polskich i innych specjalnych znaków."),
    CAUSE("8bit-unsupported", WHOSE_RECEIVER, true, 6, 3,
          "The recipient's server takes plain 7-bit text only, and the message cannot be converted without damage.",
          "Serwer odbiorcy przyjmuje tylko zwykły tekst 7-bitowy, a wiadomości nie da się przekształcić bez szkody.",
          "Set your mail program to quoted-printable or base64 encoding and send it again.",
          "Ustaw w programie pocztowym kodowanie quoted-printable lub base64 i wyślij ją ponownie."),
    /* our own side */
    CAUSE("account-suspended", WHOSE_US, true, 7, 1, "Sending from your account is suspended on this server.",
          "Wysyłanie z Twojego konta jest na tym serwerze zawieszone.", "Write to this server's administrator.",
          "Napisz do administratora tego serwera."),
    CAUSE("limit-exceeded", WHOSE_US, false, 7, 1, "Your account has used up its sending limit on this server.",
          "Twoje konto wyczerpało limit wysyłki na tym serwerze.",
          "Wait until the limit starts anew, or ask this server's administrator for a higher one.",
          "Poczekaj na odnowienie limitu albo poproś administratora tego serwera o wyższy."),
    CAUSE("suppressed", WHOSE_RECIPIENT, true, 1, 1,
          "The recipient is on your account's black list, because of an earlier bounce, a complaint or an unsubscription.",
          "Odbiorca jest na czarnej liście Twojego konta, z powodu wcześniejszego zwrotu, skargi lub wypisania się.",
          "If you are sure that the address works and its owner wants your mail, take it off the list.",
          "Jeśli masz pewność, że adres działa, a jego właściciel chce Twojej poczty, usuń go z listy."),
    CAUSE("expired", WHOSE_UNKNOWN, true, 4, 7,
          "The message could not be delivered for as long as it may wait, so no more attempts are made.",
          "Wiadomości nie udało się dostarczyć przez cały dopuszczalny czas, więc dalszych prób nie będzie.",
          "See the last reply below; reach the recipient another way, or send the message again later.",
          "Zobacz ostatnią odpowiedź poniżej; skontaktuj się z odbiorcą inną drogą albo wyślij wiadomość później."),
    /* when little is known */
    CAUSE("policy", WHOSE_UNKNOWN, true, 7, 1,
          "The recipient's server refused the message by its own rules and does not say which.",
          "Serwer odbiorcy odrzucił wiadomość na podstawie własnych zasad i nie podaje których.",
          "Ask the recipient to have their administrator look for the reason, with the reply quoted below.",
          "Poproś odbiorcę, aby jego administrator ustalił przyczynę na podstawie odpowiedzi przytoczonej poniżej."),
    CAUSE("unknown", WHOSE_UNKNOWN, true, 0, 0,
          "The recipient's server did not take the message, and its reply does not tell why.",
          "Serwer odbiorcy nie przyjął wiadomości, a z jego odpowiedzi nie wynika dlaczego.",
          "Pass this notice on to your administrator, or ask the recipient to show it to theirs.",
          "Przekaż to powiadomienie swojemu administratorowi albo poproś odbiorcę, by pokazał je swojemu."),
};
enum { CAUSES = sizeof table / sizeof table[0] };

const struct cause *cause_at(unsigned i) { return i < CAUSES ? &table[i] : NULL; }

const struct cause *cause_find(struct str name)
{
    for (unsigned i = 0; i < CAUSES; i++)
        if (str_eq(name, str_of(table[i].name)))
            return &table[i];
    return NULL;
}

const char *whose_text(enum whose w, const char *lang)
{
    static const char *const texts[][2] = {
        [WHOSE_UNKNOWN] = {"not clear", "nie wiadomo"},
        [WHOSE_RECIPIENT] = {"the recipient's address or mailbox", "adres lub skrzynka odbiorcy"},
        [WHOSE_SENDER_CONTENT] = {"the content of the message", "treść wiadomości"},
        [WHOSE_SENDER_AUTH] = {"the settings of the sender's domain or server", "ustawienia domeny lub serwera nadawcy"},
        [WHOSE_SENDER_REPUTATION] = {"the reputation of the sending server or domain", "reputacja serwera lub domeny nadawcy"},
        [WHOSE_SENDER_VOLUME] = {"the amount of mail sent", "ilość wysyłanej poczty"},
        [WHOSE_RECEIVER] = {"the recipient's mail server", "serwer poczty odbiorcy"},
        [WHOSE_NETWORK] = {"the network between the servers", "sieć między serwerami"},
        [WHOSE_US] = {"this mail server", "ten serwer poczty"},
    };
    unsigned row = (unsigned)w < sizeof texts / sizeof texts[0] ? (unsigned)w : WHOSE_UNKNOWN;
    return texts[row][strcmp(lang, "pl") == 0];
}

const struct told *cause_for_sender(const struct cause *c, const char *lang)
{
    return strcmp(lang, "pl") == 0 ? &c->sender_pl : &c->sender_en;
}

const struct told *cause_for_postmaster(const struct cause *c, const char *lang)
{
    return strcmp(lang, "pl") == 0 ? &c->postmaster_pl : &c->postmaster_en;
}

const struct code_meaning *code_meaning(int code) { return code ? NULL : NULL; }
const struct code_meaning *enhanced_meaning(struct enhanced e) { return e.class ? NULL : NULL; }
const struct code_meaning *code_meaning_at(unsigned i) { return i ? NULL : NULL; }
