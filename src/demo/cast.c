/* cast: see cast.h. The replies are what these products and providers really say; only the addresses in them are the demo's.
 * 192.0.2.1 stands for ours. Rows stand in the order of whose doing it is, and so are shown. */
#include "demo/cast.h"

#include <stdio.h>

/* A row: who, when, what is said; below it the cause, what becomes of the message, and whether the address is suppressed. */
/* clang-format off */
const struct persona cast[] = {
    {"ok@receiver.test", PHASE_NONE, NULL,
     NULL, OUTCOME_DELIVERED, false},
    {"slow@receiver.test", PHASE_NONE, NULL,
     NULL, OUTCOME_DELIVERED, false},

    /* ---- the recipient ---- */
    {"nobody@gmail.test", PHASE_RCPT,
     "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n"
     "550-5.1.1 double-checking the recipient's email address for typos or\r\n"
     "550-5.1.1 unnecessary spaces. For more information, go to\r\n"
     "550 5.1.1  https://support.google.com/mail/?p=NoSuchUser 4fb4d7f45d1cf-64 - gsmtp",
     "user-unknown", OUTCOME_FAILED, true},
    {"closed@yahoo.test", PHASE_BODY,
     "554 delivery error: dd Sorry, your message to closed@yahoo.test cannot be delivered. This mailbox is disabled "
     "(554.30). - mta4152.mail.bf1.yahoo.com",
     "mailbox-disabled", OUTCOME_FAILED, true},
    {"full@dovecot.test", PHASE_BODY,
     "552 5.2.2 <full@dovecot.test> Quota exceeded (mailbox for user is full)",
     "mailbox-full", OUTCOME_FAILED, false},
    {"moved@postfix.test", PHASE_RCPT,
     "550 5.1.6 <moved@postfix.test>: Recipient address rejected: User has moved to office@receiver.test",
     "recipient-moved", OUTCOME_FAILED, false},
    {"strict@office.test", PHASE_BODY,
     "550 5.7.507 Access denied, rejected by recipient [DB5EUR01FT012.eop-EUR01.prod.protection.outlook.com]",
     "recipient-blocked-sender", OUTCOME_FAILED, false},
    {"team@exchange.test", PHASE_BODY,
     "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed "
     "because the sender was not authenticated when sending to this group",
     "recipient-restricted", OUTCOME_FAILED, false},

    /* ---- the receiving server ---- */
    {"grey@receiver.test", PHASE_RCPT, NULL,
     "greylisted", OUTCOME_DELIVERED, false},
    {"busy@free.test", PHASE_MAIL,
     "421 mx25-g26.free.fr Temporarily overloaded, try again later",
     "receiver-overloaded", OUTCOME_DEFERRED, false},
    {"broken@exim.test", PHASE_RCPT,
     "451 Temporary local problem - please try later",
     "receiver-error", OUTCOME_DEFERRED, false},
    {"astray@qmail.test", PHASE_RCPT,
     "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
     "relay-denied", OUTCOME_FAILED, false},
    {"circle@outlook.test", PHASE_BODY,
     "554 5.4.14 Hop count exceeded - possible mail loop ATTR1 [VE1EUR01FT040.eop-EUR01.prod.protection.outlook.com]",
     "mail-loop", OUTCOME_FAILED, false},
    {"down@silent.test", PHASE_CONNECT, NULL,
     "connection-refused", OUTCOME_DEFERRED, false},

    /* ---- the settings of the sender's domain or server ---- */
    {"spf@ovh.test", PHASE_RCPT,
     "550 5.7.23 <spf@ovh.test>: Recipient address rejected: Message rejected due to: SPF fail - not authorized. Please see "
     "http://www.openspf.net/Why?s=mfrom;id=shop@goniec.test;ip=192.0.2.1;r=ovh.test",
     "spf-failed", OUTCOME_FAILED, false},
    {"dkim@workspace.test", PHASE_BODY,
     "550-5.7.30 This mail has been blocked because DKIM authentication didn't pass for\r\n"
     "550-5.7.30 this message. Gmail requires all large senders to authenticate with DKIM.\r\n"
     "550 5.7.30 https://support.google.com/mail/answer/81126#authentication - gsmtp",
     "dkim-failed", OUTCOME_FAILED, false},
    {"dmarc@hotmail.test", PHASE_BODY,
     "550 5.7.509 Access denied, sending domain GONIEC.TEST does not pass DMARC verification and has a DMARC policy of reject. "
     "[AM7EUR03FT004.eop-EUR03.prod.protection.outlook.com]",
     "dmarc-failed", OUTCOME_FAILED, false},
    {"ptr@gmx.test", PHASE_BANNER,
     "554-gmx.net (mxgmx016) Nemesis ESMTP Service not available\r\n"
     "554-No SMTP service\r\n"
     "554-Bad DNS PTR resource record.\r\n"
     "554 For explanation visit https://postmaster.gmx.net/en/error-messages?ip=192.0.2.1&c=rdns",
     "no-reverse-dns", OUTCOME_FAILED, false},
    {"domain@sendmail.test", PHASE_MAIL,
     "553 5.1.8 <shop@goniec.test>... Domain of sender address shop@goniec.test does not exist",
     "sender-domain-not-found", OUTCOME_FAILED, false},

    /* ---- the reputation of the sending server or domain ---- */
    {"listed@spamhaus.test", PHASE_RCPT,
     "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; "
     "https://www.spamhaus.org/query/ip/192.0.2.1",
     "ip-listed", OUTCOME_FAILED, false},
    {"blocked@proofpoint.test", PHASE_BANNER,
     "554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1",
     "ip-blocked", OUTCOME_FAILED, false},
    {"link@surbl.test", PHASE_BODY,
     "550 5.7.1 Message contains a URL listed in multi.surbl.org: see https://surbl.org/surbl-analysis",
     "url-listed", OUTCOME_FAILED, false},
    {"trust@aol.test", PHASE_MAIL,
     "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - "
     "4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
     "reputation", OUTCOME_DEFERRED, false},

    /* ---- the content ---- */
    {"spam@wp.test", PHASE_BODY,
     "554 5.7.1 Nie przyjmiemy tej wiadomości, ponieważ jest to SPAM. Więcej informacji: https://pomoc.wp.pl",
     "spam-content", OUTCOME_FAILED, false},
    {"virus@amavis.test", PHASE_BODY,
     "554 5.7.0 Reject, id=12345-01 - INFECTED: Eicar-Test-Signature",
     "virus", OUTCOME_FAILED, false},
    {"program@google.test", PHASE_BODY,
     "552-5.7.0 This message was blocked because its content presents a potential\r\n"
     "552-5.7.0 security issue. To review our message content and attachment content\r\n"
     "552 5.7.0 guidelines, go to https://support.google.com/mail/?p=BlockedMessage - gsmtp",
     "forbidden-attachment", OUTCOME_FAILED, false},
    {"large@onet.test", PHASE_MAIL,
     "552 5.3.4 Message size exceeds fixed limit",
     "message-too-large", OUTCOME_FAILED, false},

    /* ---- the amount ---- */
    {"often@interia.test", PHASE_MAIL,
     "450 4.7.1 Error: too much mail from 192.0.2.1",
     "rate-limited", OUTCOME_DEFERRED, false},
    {"many@orange.test", PHASE_BANNER,
     "421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. "
     "OFR004_104 [104]",
     "connection-limit", OUTCOME_DEFERRED, false},
    {"bulk@cisco.test", PHASE_RCPT,
     "452 4.5.3 Too many recipients received this hour",
     "too-many-recipients", OUTCOME_DEFERRED, false},

    /* ---- this server; and what nobody says ---- */
    {"plain@starttls.test", PHASE_MAIL,
     "530 5.7.0 Must issue a STARTTLS command first",
     "tls-required", OUTCOME_FAILED, false},
    {"rules@mimecast.test", PHASE_BODY,
     "554 Email rejected due to security policies - https://community.mimecast.com/docs/DOC-1369#554 "
     "[AbCdEfGhMoi5hVfWc.uk72]",
     "policy", OUTCOME_FAILED, false},
};
/* clang-format on */
const unsigned cast_n = sizeof cast / sizeof *cast;

void cast_ip(unsigned i, char out[CAST_IP])
{
    bool ordinary = !cast[i].reply && cast[i].phase != PHASE_CONNECT;
    snprintf(out, CAST_IP, "127.0.0.%u", ordinary ? 1 : 10 + i);
}
