/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A TLS server that counts bytes. The counters are atomics; the certificate is read by the
 * accepting (main) thread alone and handed to the connection's thread by reference. */
#include "tests/gui/byte-server.h"

#include <glib-unix.h>
#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <string.h>

struct ByteServer
{
  GSocketService *service;      /* (owned) */
  GTlsCertificate *certificate; /* (owned) */
  gnutls_datum_t ticket_key;    /* (owned) one for all connections: sessions are resumed */
  uint16_t port;
  GPtrArray *peers; /* (owned) Peer */
  atomic_int n_connections;
  atomic_int n_resumed;
  atomic_int n_bytes;
};

typedef struct
{
  ByteServer *server; /* (borrowed) outlives its threads: byte_server_free () joins them */
  GThread *thread;              /* (owned) */
  GSocketConnection *conn;      /* (owned) */
  GTlsCertificate *certificate; /* (owned) */
} Peer;

static void
answer_heads (Peer *peer, gnutls_session_t session)
{
  static const char reply[]
      = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
  g_autoptr (GString) seen = g_string_new (NULL);
  char buffer[4096];
  ssize_t n;

  while ((n = gnutls_record_recv (session, buffer, sizeof buffer)) > 0)
    {
      atomic_fetch_add (&peer->server->n_bytes, (int) n);
      g_string_append_len (seen, buffer, n);
      if (strstr (seen->str, "\r\n\r\n") == NULL)
        continue;
      g_string_truncate (seen, 0);
      if (gnutls_record_send (session, reply, strlen (reply)) < 0)
        return;
    }
}

static gnutls_certificate_credentials_t
credentials_of (GTlsCertificate *certificate)
{
  g_autofree char *crt = NULL;
  g_autofree char *key = NULL;
  gnutls_certificate_credentials_t credentials;
  gnutls_datum_t crt_pem, key_pem;

  g_object_get (certificate, "certificate-pem", &crt, "private-key-pem", &key, NULL);
  crt_pem = (gnutls_datum_t) { (unsigned char *) crt, (unsigned) strlen (crt) };
  key_pem = (gnutls_datum_t) { (unsigned char *) key, (unsigned) strlen (key) };
  g_assert_cmpint (gnutls_certificate_allocate_credentials (&credentials), ==, 0);
  g_assert_cmpint (
      gnutls_certificate_set_x509_key_mem (credentials, &crt_pem, &key_pem, GNUTLS_X509_FMT_PEM),
      >=, 0);
  return credentials;
}

static gpointer
peer_main (gpointer data)
{
  Peer *peer = data;
  GSocket *sock = g_socket_connection_get_socket (peer->conn);
  gnutls_certificate_credentials_t credentials = credentials_of (peer->certificate);
  gnutls_session_t session;

  /* GSocket imitates blocking over a descriptor that never blocks; GnuTLS is given the real thing.
   */
  g_assert_true (g_unix_set_fd_nonblocking (g_socket_get_fd (sock), FALSE, NULL));
  g_assert_cmpint (gnutls_init (&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL), ==, 0);
  g_assert_cmpint (gnutls_set_default_priority (session), ==, 0);
  g_assert_cmpint (gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, credentials), ==, 0);
  g_assert_cmpint (gnutls_session_ticket_enable_server (session, &peer->server->ticket_key), ==, 0);
  gnutls_transport_set_int (session, g_socket_get_fd (sock));
  if (gnutls_handshake (session) == 0)
    {
      atomic_fetch_add (&peer->server->n_resumed, gnutls_session_is_resumed (session) ? 1 : 0);
      answer_heads (peer, session);
    }
  g_socket_shutdown (sock, TRUE, TRUE, NULL);
  gnutls_deinit (session);
  gnutls_certificate_free_credentials (credentials);
  return NULL;
}

static gboolean
incoming_cb (G_GNUC_UNUSED GSocketService *service,
             GSocketConnection            *conn,
             G_GNUC_UNUSED GObject        *source,
             gpointer                      user_data)
{
  ByteServer *server = user_data;
  Peer *peer = g_new0 (Peer, 1);

  atomic_fetch_add (&server->n_connections, 1);
  peer->server = server;
  peer->conn = g_object_ref (conn);
  peer->certificate = g_object_ref (server->certificate);
  g_ptr_array_add (server->peers, peer);
  peer->thread = g_thread_new ("peer", peer_main, peer);
  return TRUE;
}

ByteServer *
byte_server_new (GTlsCertificate *certificate)
{
  ByteServer *server = g_new0 (ByteServer, 1);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) wish = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  server->certificate = g_object_ref (certificate);
  server->peers = g_ptr_array_new ();
  g_assert_cmpint (gnutls_session_ticket_key_generate (&server->ticket_key), ==, 0);
  server->service = g_socket_service_new ();
  g_socket_listener_add_address (G_SOCKET_LISTENER (server->service), wish, G_SOCKET_TYPE_STREAM,
                                 G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error);
  g_assert_no_error (error);
  server->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  g_signal_connect (server->service, "incoming", G_CALLBACK (incoming_cb), server);
  g_socket_service_start (server->service);
  return server;
}

void
byte_server_free (ByteServer *server)
{
  g_socket_service_stop (server->service);
  g_socket_listener_close (G_SOCKET_LISTENER (server->service));
  for (unsigned i = 0; i < server->peers->len; i++)
    {
      Peer *peer = g_ptr_array_index (server->peers, i);

      g_socket_shutdown (g_socket_connection_get_socket (peer->conn), TRUE, TRUE, NULL);
      g_thread_join (peer->thread);
      g_object_unref (peer->conn);
      g_object_unref (peer->certificate);
      g_free (peer);
    }
  g_ptr_array_unref (server->peers);
  g_object_unref (server->service);
  g_object_unref (server->certificate);
  gnutls_free (server->ticket_key.data);
  g_free (server);
}

uint16_t
byte_server_get_port (ByteServer *server)
{
  return server->port;
}

int
byte_server_get_n_connections (ByteServer *server)
{
  return atomic_load (&server->n_connections);
}

int
byte_server_get_n_resumed (ByteServer *server)
{
  return atomic_load (&server->n_resumed);
}

int
byte_server_get_n_bytes (ByteServer *server)
{
  return atomic_load (&server->n_bytes);
}

void
byte_server_set_certificate (ByteServer *server, GTlsCertificate *certificate)
{
  g_set_object (&server->certificate, certificate);
}
