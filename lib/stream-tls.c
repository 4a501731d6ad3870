/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TLS streams: making them, the handshake, and what it told about the peer. The handshake is one
 * thread's work; bytes are stream-tls-io.c's. See stream-tls-priv.h for who owns what. */
#include "lib/stream-tls-priv.h"

#include <arpa/inet.h>
#include <glib.h>
#include <gnutls/x509.h>
#include <netinet/in.h>

/* RFC 1035 section 2.3.4, and a NUL. */
#define NAME_SIZE 256

static bool
is_address (const char *name)
{
  struct in6_addr scratch;

  return inet_pton (AF_INET, name, &scratch) == 1 || inet_pton (AF_INET6, name, &scratch) == 1;
}

/* Letters, digits, '-', '_' and '.', which is all that certificates and routes can name; lower
 * case, without the dot of the root; no label is empty. Anything else is taken for no name. */
static bool
normalise_name (char *name, size_t n)
{
  if (n > 0 && name[n - 1] == '.')
    name[--n] = '\0';
  for (size_t i = 0; i < n; i++)
    {
      if (!g_ascii_isalnum (name[i]) && !strchr ("-_.", name[i]))
        return false;
      name[i] = g_ascii_tolower (name[i]);
    }
  return n > 0 && strlen (name) == n && *name != '.' && name[n - 1] != '.' && !strstr (name, "..");
}

static void
read_server_name (P2pTls *tls)
{
  char name[NAME_SIZE];
  size_t n = sizeof name;
  unsigned type;

  if (gnutls_server_name_get (tls->session, name, &n, &type, 0) < 0 || type != GNUTLS_NAME_DNS)
    return;
  n = MIN (n, sizeof name - 1);
  name[n] = '\0';
  if (normalise_name (name, strlen (name)))
    tls->name = g_strdup (name);
}

/* Runs inside gnutls_handshake (), under the lock. A ticket key of its own for each certificate:
 * with one key for all, a TLS 1.3 ticket of one name resumes under another. */
static int
post_client_hello_cb (gnutls_session_t session)
{
  P2pTls *tls = gnutls_session_get_ptr (session);
  int rc;

  if (tls->cert)
    return 0; /* a second ClientHello, after HelloRetryRequest */
  read_server_name (tls);
  tls->cert = tls->server->choose (tls->name ? tls->name : "", tls->server->data);
  if (!tls->cert)
    return GNUTLS_E_NO_CERTIFICATE_FOUND; /* the handshake fails */
  rc = gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, tls->cert->credentials);
  if (rc >= 0 && tls->server->tickets)
    rc = gnutls_session_ticket_enable_server (session, &tls->cert->ticket_key);
  return rc;
}

static P2pTls *
tls_new (P2pStream *take_lower, const P2pTlsAlpn *alpn, gnutls_priority_t priority, unsigned flags)
{
  P2pTls *tls = g_new0 (P2pTls, 1);

  tls->base.ops = &p2p_stream_tls_ops;
  tls->lower = take_lower;
  p2p_mutex_init (&tls->lock, P2P_LOCK_TLS);
  p2p_cond_init (&tls->sent);
  /* These fail for want of memory alone, which GLib's own allocations abort for as well. */
  g_assert (gnutls_init (&tls->session, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) >= 0);
  g_assert (gnutls_priority_set (tls->session, priority) >= 0);
  /* RFC 7301 section 3.2: who speaks none of ours gets no_application_protocol. */
  if (alpn->n > 0)
    g_assert (gnutls_alpn_set_protocols (tls->session, alpn->datums, alpn->n,
                                         flags & GNUTLS_SERVER ? GNUTLS_ALPN_MANDATORY : 0)
              >= 0);
  gnutls_session_set_ptr (tls->session, tls);
  gnutls_transport_set_ptr (tls->session, tls);
  gnutls_transport_set_pull_function (tls->session, p2p_tls_pull);
  gnutls_transport_set_vec_push_function (tls->session, p2p_tls_vec_push);
  return tls;
}

P2pStream *
p2p_stream_tls_server_new (P2pStream *take_lower, P2pTlsServer *server)
{
  P2pTls *tls = tls_new (take_lower, &server->alpn, server->priority,
                         GNUTLS_SERVER | (server->tickets ? 0 : GNUTLS_NO_TICKETS));

  tls->server = p2p_tls_server_ref (server);
  gnutls_handshake_set_post_client_hello_function (tls->session, post_client_hello_cb);
  if (server->client_cas)
    gnutls_certificate_server_set_request (tls->session, GNUTLS_CERT_REQUEST);
  return &tls->base;
}

/* A certificate for a server (RFC 5280 section 4.2.1.12), and for this one. */
static void
want_certificate (P2pTls *tls)
{
  tls->wanted[0] = (gnutls_typed_vdata_st){ .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                            .data = (unsigned char *) GNUTLS_KP_TLS_WWW_SERVER };
  tls->wanted[1] = (gnutls_typed_vdata_st){ .type = GNUTLS_DT_DNS_HOSTNAME,
                                            .data = (unsigned char *) tls->name };
  gnutls_session_set_verify_cert2 (tls->session, tls->wanted, tls->name ? 2 : 1, 0);
}

static P2pStream *
client_new (P2pStream *take_lower, P2pTlsClient *client, const char *server_name, uint64_t key)
{
  P2pTls *tls = tls_new (take_lower, &client->alpn, client->priority,
                         GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT | (key ? 0 : GNUTLS_NO_TICKETS));

  tls->client = p2p_tls_client_ref (client);
  tls->name = server_name ? g_ascii_strdown (server_name, -1) : NULL;
  g_assert (
      gnutls_credentials_set (tls->session, GNUTLS_CRD_CERTIFICATE, client->credentials)
      >= 0);
  /* A name that can't be sent goes without; the certificate is judged by it all the same. */
  if (tls->name && !is_address (tls->name))
    (void) gnutls_server_name_set (tls->session, GNUTLS_NAME_DNS, tls->name, strlen (tls->name));
  if (!client->skip_verify)
    want_certificate (tls);
  tls->session_key = key;
  if (key)
    (void) p2p_tls_sessions_use (&client->sessions, key, tls->session); /* else the long way */
  return &tls->base;
}

P2pStream *
p2p_stream_tls_client_new (P2pStream *take_lower, P2pTlsClient *client, const char *server_name)
{
  /* No tickets: the connections are long-lived, and what a pin was checked for must not be resumed.
   */
  return client_new (take_lower, client, server_name, 0);
}

P2pStream *
p2p_stream_tls_client_new_resuming (P2pStream *take_lower,
                                    P2pTlsClient *client,
                                    const char *server_name,
                                    uint64_t key)
{
  g_assert (key != 0);
  return client_new (take_lower, client, server_name, key);
}

static bool
get_session_locked (P2pTls *tls, gnutls_datum_t *ret_data)
{
  /* Without a ticket GnuTLS would wait for one (TLS 1.3). */
  if (gnutls_protocol_get_version (tls->session) == GNUTLS_TLS1_3
      && !(gnutls_session_get_flags (tls->session) & GNUTLS_SFLAGS_SESSION_TICKET))
    return false;
  return gnutls_session_get_data2 (tls->session, ret_data) >= 0;
}

void
p2p_stream_tls_remember (P2pStream *strm)
{
  P2pTls *tls = (P2pTls *) strm;
  gnutls_datum_t data = { NULL, 0 };

  g_assert (strm->ops == &p2p_stream_tls_ops);
  if (tls->remembered || !tls->open || !tls->session_key)
    return;
  p2p_mutex_lock (&tls->lock);
  tls->remembered = get_session_locked (tls, &data);
  p2p_mutex_unlock (&tls->lock);
  if (tls->remembered)
    p2p_tls_sessions_keep (&tls->client->sessions, tls->session_key, &data);
}

bool
p2p_stream_tls_is_resumed (P2pStream *strm)
{
  P2pTls *tls = (P2pTls *) strm;
  P2P_LOCKED (&tls->lock);

  return tls->open && gnutls_session_is_resumed (tls->session);
}

/* The handshake ---------------------------------------------------------------------------------
 */

static char *
describe_failure_locked (P2pTls *tls, int rc)
{
  gnutls_datum_t text = { NULL, 0 };
  char *sentence;

  if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED)
    {
      const char *alert = gnutls_alert_get_name (gnutls_alert_get (tls->session));

      return g_strdup_printf ("the peer refused the TLS handshake: %s", alert ? alert : "unknown");
    }
  if (rc != GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR
      || gnutls_certificate_verification_status_print (
             gnutls_session_get_verify_cert_status (tls->session), GNUTLS_CRT_X509, &text, 0)
             < 0)
    return g_strdup_printf ("TLS handshake: %s", gnutls_strerror (rc));
  sentence = g_strdup_printf ("certificate of '%s': %s", tls->name ? tls->name : "the peer",
                              g_strstrip ((char *) text.data));
  gnutls_free (text.data);
  return sentence;
}

/* One call of GnuTLS and what it wants sent; AGAIN: the peer's turn. */
static P2pIo
handshake_step (P2pTls *tls)
{
  P2pIo io = P2P_IO_OK;
  int rc;
  P2P_LOCKED (&tls->lock);

  rc = gnutls_handshake (tls->session);
  if (rc == GNUTLS_E_SUCCESS)
    {
      tls->open = true;
      /* TLS 1.3: nobody waits for the last flight but with the bytes that follow it. */
      tls->unsent_handshake = gnutls_protocol_get_version (tls->session) == GNUTLS_TLS1_3;
      if (!tls->unsent_handshake)
        io = p2p_tls_flush_locked (tls);
      return io == P2P_IO_AGAIN ? P2P_IO_OK : io;
    }
  if (gnutls_error_is_fatal (rc))
    {
      tls->error = describe_failure_locked (tls, rc);
      if (tls->session_key) /* the next one goes the long way */
        p2p_tls_sessions_forget (&tls->client->sessions, tls->session_key);
      (void) gnutls_alert_send_appropriate (tls->session, rc); /* best effort */
      (void) p2p_tls_flush_locked (tls);
      tls->read_end = tls->write_end = P2P_IO_TLS;
      return P2P_IO_TLS;
    }
  io = p2p_tls_flush_locked (tls);
  return io == P2P_IO_OK ? P2P_IO_AGAIN : io;
}

static P2pIo
try_handshake (P2pTls *tls)
{
  for (;;)
    {
      P2pIo io = tls->read_end != P2P_IO_OK ? tls->read_end : handshake_step (tls);

      if (io != P2P_IO_AGAIN)
        return io;
      if (tls->in_start < tls->in_end)
        continue;
      io = p2p_tls_fill (tls);
      if (io == P2P_IO_AGAIN)
        return io;
      tls->read_end = io;
    }
}

P2pIo
p2p_stream_tls_handshake (P2pStream *strm, int64_t deadline_us)
{
  P2pTls *tls = (P2pTls *) strm;

  g_assert (strm->ops == &p2p_stream_tls_ops);
  while (!tls->open)
    {
      P2pWait item = { .strm = strm, .want = P2P_READABLE };
      P2pIo io = try_handshake (tls);

      if (io != P2P_IO_AGAIN || deadline_us == P2P_TRY)
        return io;
      io = p2p_stream_wait (&item, 1, deadline_us);
      if (io != P2P_IO_OK)
        return io;
    }
  return P2P_IO_OK;
}

/* The peer --------------------------------------------------------------------------------------
 */

char *
p2p_stream_tls_dup_error (P2pStream *strm)
{
  return g_strdup (((P2pTls *) strm)->error);
}

P2pSpan
p2p_stream_tls_server_name (P2pStream *strm)
{
  const P2pTls *tls = (P2pTls *) strm;

  g_assert (strm->ops == &p2p_stream_tls_ops);
  return tls->name ? p2p_span_from_string (tls->name) : P2P_SPAN_NONE;
}

void
p2p_stream_tls_get_server_name (P2pStream *strm, char *buf, size_t size)
{
  const P2pTls *tls = (P2pTls *) strm;

  g_strlcpy (buf, tls->name ? tls->name : "", size);
}

P2pSpan
p2p_stream_tls_peer_certificate (P2pStream *strm)
{
  P2pTls *tls = (P2pTls *) strm;
  const gnutls_datum_t *chain;
  unsigned n = 0;
  P2P_LOCKED (&tls->lock);

  chain = gnutls_certificate_get_peers (tls->session, &n);
  return n > 0 ? (P2pSpan){ (const char *) chain[0].data, chain[0].size } : P2P_SPAN_NONE;
}

#define CHAIN_MAX 8
/* Keys that anybody can break (RSA below 1024 bits) vouch for nobody, as where GnuTLS verifies by
 * itself. */
#define CLIENT_PROFILE GNUTLS_PROFILE_TO_VFLAGS (GNUTLS_PROFILE_LOW)

bool
p2p_stream_tls_client_verified (P2pStream *strm)
{
  P2pTls *tls = (P2pTls *) strm;
  gnutls_typed_vdata_st purpose
      = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *) GNUTLS_KP_TLS_WWW_CLIENT };
  gnutls_x509_crt_t chain[CHAIN_MAX] = { NULL };
  const gnutls_datum_t *peers;
  unsigned n_peers = 0, n = 0, status = UINT_MAX;
  int rc = 0;
  P2P_LOCKED (&tls->lock);

  if (!tls->open || !tls->server || !tls->server->client_cas)
    return false;
  peers = gnutls_certificate_get_peers (tls->session, &n_peers);
  if (n_peers == 0 || n_peers > CHAIN_MAX)
    return false;
  for (; n < n_peers && rc >= 0; n++)
    {
      g_assert (gnutls_x509_crt_init (&chain[n]) >= 0);
      rc = gnutls_x509_crt_import (chain[n], &peers[n], GNUTLS_X509_FMT_DER);
    }
  if (rc >= 0)
    rc = gnutls_x509_trust_list_verify_crt2 (tls->server->client_cas, chain, n_peers, &purpose, 1,
                                             CLIENT_PROFILE, &status, NULL);
  for (unsigned i = 0; i < n; i++)
    gnutls_x509_crt_deinit (chain[i]);
  return rc >= 0 && status == 0;
}

gnutls_session_t
p2p_stream_tls_session (P2pStream *strm)
{
  return ((P2pTls *) strm)->session;
}

P2pIo
p2p_stream_tls_key_update (P2pStream *strm, bool asks)
{
  P2pTls *tls = (P2pTls *) strm;
  P2P_LOCKED (&tls->lock);

  if (gnutls_session_key_update (tls->session, asks ? GNUTLS_KU_PEER : 0) < 0)
    return P2P_IO_TLS;
  return p2p_tls_flush_locked (tls);
}
