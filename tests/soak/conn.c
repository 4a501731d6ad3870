/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See conn.h. */
#include "tests/soak/conn.h"

#include "lib/clock.h"
#include "lib/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static SoakResult
wrong (SoakConn *conn, const char *what, const char *bytes)
{
  (void) g_snprintf (conn->fault, sizeof conn->fault, "%s: %.100s", what, bytes);
  return SOAK_WRONG;
}

/* Whether the certificate that the server showed names that host. */
static bool
names_host (gnutls_session_t tls, const char *host)
{
  unsigned n = 0;
  const gnutls_datum_t *chain = gnutls_certificate_get_peers (tls, &n);
  gnutls_x509_crt_t crt = NULL;
  bool named;

  if (n == 0 || gnutls_x509_crt_init (&crt) < 0)
    return false;
  named = gnutls_x509_crt_import (crt, &chain[0], GNUTLS_X509_FMT_DER) == 0
          && gnutls_x509_crt_check_hostname (crt, host);
  gnutls_x509_crt_deinit (crt);
  return named;
}

static SoakResult
shake_hands (SoakConn *conn, const char *name, gnutls_certificate_credentials_t credentials)
{
  int code;

  g_assert (gnutls_init (&conn->tls, GNUTLS_CLIENT) == 0);
  (void) gnutls_set_default_priority (conn->tls);
  (void) gnutls_credentials_set (conn->tls, GNUTLS_CRD_CERTIFICATE, credentials);
  (void) gnutls_server_name_set (conn->tls, GNUTLS_NAME_DNS, name, strlen (name));
  gnutls_transport_set_int (conn->tls, conn->fd);
  gnutls_handshake_set_timeout (conn->tls, SOAK_TIMEOUT_S * 1000);
  do
    code = gnutls_handshake (conn->tls);
  while (code < 0 && !gnutls_error_is_fatal (code));
  if (code < 0)
    return wrong (conn, "handshake", gnutls_strerror (code));
  return names_host (conn->tls, name) ? SOAK_OK
                                      : wrong (conn, "a certificate of another name than", name);
}

SoakResult
soak_conn_open (SoakConn *conn,
                unsigned port,
                const char *tls_name,
                gnutls_certificate_credentials_t credentials)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons ((uint16_t) port),
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  struct timeval timeout = { .tv_sec = SOAK_TIMEOUT_S };
  int on = 1;

  conn->begin = conn->n = 0;
  conn->late = false;
  conn->tls = NULL;
  conn->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert (conn->fd >= 0);
  (void) setsockopt (conn->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  (void) setsockopt (conn->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  (void) setsockopt (conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect (conn->fd, (struct sockaddr *) &address, sizeof address) < 0)
    return wrong (conn, "connect", g_strerror (errno));
  return tls_name ? shake_hands (conn, tls_name, credentials) : SOAK_OK;
}

void
soak_conn_close (SoakConn *conn, bool reset)
{
  struct linger now = { .l_onoff = 1 };

  if (conn->tls && !reset)
    (void) gnutls_bye (conn->tls, GNUTLS_SHUT_WR);
  if (conn->tls)
    gnutls_deinit (conn->tls);
  conn->tls = NULL;
  if (reset && conn->fd >= 0)
    (void) setsockopt (conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  p2p_fd_close (&conn->fd);
}

bool
soak_conn_send (SoakConn *conn, const char *bytes, size_t n)
{
  while (n > 0)
    {
      ssize_t sent = conn->tls ? gnutls_record_send (conn->tls, bytes, n)
                               : send (conn->fd, bytes, n, MSG_NOSIGNAL);

      if (sent == GNUTLS_E_INTERRUPTED && conn->tls)
        continue;
      if (sent <= 0)
        return false;
      bytes += sent;
      n -= (size_t) sent;
    }
  return true;
}

/* More bytes; SOAK_END for an orderly end. */
static SoakResult
more (SoakConn *conn)
{
  int64_t deadline_us = p2p_deadline_ms (SOAK_TIMEOUT_S * 1000 - 500);
  ssize_t n;

  memmove (conn->bytes, conn->bytes + conn->begin, conn->n);
  conn->begin = 0;
  if (conn->n == sizeof conn->bytes)
    return wrong (conn, "too long a line or head", "");
  /* GNUTLS_E_AGAIN comes for a ticket, too, and not only when the time is over. */
  do
    n = conn->tls
            ? gnutls_record_recv (conn->tls, conn->bytes + conn->n, sizeof conn->bytes - conn->n)
            : recv (conn->fd, conn->bytes + conn->n, sizeof conn->bytes - conn->n, 0);
  while (conn->tls && n < 0 && !gnutls_error_is_fatal ((int) n) && p2p_now_us () < deadline_us);
  if (n < 0 && (conn->tls ? n == GNUTLS_E_AGAIN : errno == EAGAIN))
    return SOAK_LATE;
  if (n <= 0)
    return n == 0 ? SOAK_END : SOAK_CUT;
  conn->n += (size_t) n;
  return SOAK_OK;
}

/* Text up to that end, NUL instead of it, valid until the next read. */
static SoakResult
read_until (SoakConn *conn, const char *end, char **ret_text)
{
  char *found;
  SoakResult result;

  while (!(found = memmem (conn->bytes + conn->begin, conn->n, end, strlen (end))))
    if ((result = more (conn)) != SOAK_OK)
      return result == SOAK_END && conn->n > 0 ? SOAK_CUT : result;
  *ret_text = conn->bytes + conn->begin;
  *found = '\0';
  conn->n -= (size_t) (found - *ret_text) + strlen (end);
  conn->begin += (size_t) (found - *ret_text) + strlen (end);
  return SOAK_OK;
}

SoakResult
soak_conn_read (SoakConn *conn, char *bytes, size_t n)
{
  while (conn->n < n)
    {
      SoakResult result = more (conn);

      if (result != SOAK_OK)
        return result == SOAK_END ? SOAK_CUT : result;
    }
  memcpy (bytes, conn->bytes + conn->begin, n);
  conn->begin += n;
  conn->n -= n;
  return SOAK_OK;
}

static void
take_field (SoakAnswer *answer, const char *line)
{
  if (g_ascii_strncasecmp (line, "content-length:", 15) == 0)
    answer->left = g_ascii_strtoll (line + 15, NULL, 10);
  else if (g_ascii_strncasecmp (line, "transfer-encoding: chunked", 26) == 0)
    answer->chunked = true;
  else if (g_ascii_strncasecmp (line, "connection: close", 17) == 0)
    answer->closes = true;
  else if (g_ascii_strncasecmp (line, "x-id:", 5) == 0)
    {
      answer->has_id = true;
      answer->id = g_ascii_strtoull (line + 5, NULL, 10);
    }
}

SoakResult
soak_answer_begin (SoakConn *conn, bool head, SoakAnswer *ret_answer)
{
  do
    {
      char *text = NULL, *rest = NULL;
      SoakResult result = read_until (conn, "\r\n\r\n", &text);

      if (result != SOAK_OK)
        return result;
      *ret_answer = (SoakAnswer){ .left = -1 };
      if (sscanf (text, "HTTP/1.1 %3d ", &ret_answer->status) != 1)
        return wrong (conn, "no status line", text);
      (void) strtok_r (text, "\r\n", &rest);
      for (char *line; (line = strtok_r (NULL, "\r\n", &rest));)
        take_field (ret_answer, line);
    }
  while (ret_answer->status < 200 && ret_answer->status != 101);
  ret_answer->over
      = head || ret_answer->status == 204 || ret_answer->status == 304 || ret_answer->left == 0;
  ret_answer->first_chunk = ret_answer->chunked;
  if (ret_answer->chunked)
    ret_answer->left = 0;
  return SOAK_OK;
}

/* The size of the next chunk; the last one ends the body. */
static SoakResult
next_chunk (SoakConn *conn, SoakAnswer *answer)
{
  char *line = NULL, *end = NULL;
  SoakResult result = answer->first_chunk ? SOAK_OK : read_until (conn, "\r\n", &line);

  if (result == SOAK_OK && line && line[0] != '\0')
    return wrong (conn, "bytes behind a chunk", line);
  answer->first_chunk = false;
  if (result != SOAK_OK || (result = read_until (conn, "\r\n", &line)) != SOAK_OK)
    return result;
  answer->left = (int64_t) g_ascii_strtoull (line, &end, 16);
  if (end == line)
    return wrong (conn, "no size of a chunk", line);
  if (answer->left > 0)
    return SOAK_OK;
  answer->over = true;
  return read_until (conn, "\r\n", &line);
}

SoakResult
soak_answer_read (SoakConn *conn, SoakAnswer *answer, char *bytes, size_t n, size_t *ret_n)
{
  SoakResult result = SOAK_OK;

  if (!answer->over && answer->chunked && answer->left == 0)
    result = next_chunk (conn, answer);
  if (result == SOAK_OK && answer->over)
    return SOAK_END;
  if (result == SOAK_OK && conn->n == 0)
    result = more (conn);
  if (result == SOAK_END && !answer->chunked && answer->left < 0)
    {
      answer->over = answer->closes = true;
      return SOAK_END;
    }
  if (result != SOAK_OK)
    return result == SOAK_END ? SOAK_CUT : result;
  n = MIN (n, conn->n);
  if (answer->left >= 0)
    n = MIN (n, (size_t) answer->left);
  memcpy (bytes, conn->bytes + conn->begin, n);
  conn->begin += n;
  conn->n -= n;
  if (answer->left >= 0)
    answer->left -= (int64_t) n;
  answer->over = !answer->chunked && answer->left == 0;
  *ret_n = n;
  return SOAK_OK;
}
