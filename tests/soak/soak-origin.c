/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The origin of the soak: answers so that every byte can be checked, or fails as it is asked to.
 *
 *     soak-origin PORT
 *
 * Port 0 lets the kernel choose; the first line of the output is the port. A request is METHOD
 * /VERB/ID/SIZE; its answer carries "X-Id: ID", and a body is pattern.h's for that id. Verbs:
 *
 *     ok       200, SIZE bytes by Content-Length
 *     chunked  200, SIZE bytes in chunks
 *     until    200, SIZE bytes until the end of the connection
 *     echo     200, the request's body as it comes, framed as it was
 *     ws       101, then every byte comes back
 *     500      500, SIZE bytes
 *     close    the end of the connection instead of an answer
 *     reset    a reset: with an odd ID at once, else in the midst of the body
 *     hang     nothing, until the other side leaves
 *
 * One thread a connection, which owns it; nothing is shared but the allowance for descriptors. */
#include "tests/soak/pattern.h"

#include "lib/fd.h"
#include "tests/tools/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define PIECE 16384
#define HANG_MS 60000
#define STACK_BYTES (256 * 1024)

typedef struct
{
  int fd;            /* (owned) */
  char bytes[PIECE]; /* what was read and not used: n from begin on */
  size_t begin, n;
  char verb[16]; /* of the request */
  uint64_t id, size;
  int64_t length; /* of its body; -1: in chunks */
  char key[64];   /* Sec-WebSocket-Key */
  bool head;      /* it is a HEAD */
} Conn;

static bool
send_all (Conn *conn, const char *bytes, size_t n)
{
  while (n > 0)
    {
      ssize_t sent = send (conn->fd, bytes, n, MSG_NOSIGNAL);

      if (sent < 0)
        return false;
      bytes += sent;
      n -= (size_t) sent;
    }
  return true;
}

G_GNUC_PRINTF (2, 3)
static bool
send_text (Conn *conn, const char *format, ...)
{
  char text[512];
  va_list args;
  int n;

  va_start (args, format);
  n = g_vsnprintf (text, sizeof text, format, args);
  va_end (args);
  g_assert (n > 0 && (size_t) n < sizeof text);
  return send_all (conn, text, (size_t) n);
}

/* More bytes behind those that are there; false at the end of the connection, or when there is no
 * room. */
static bool
more (Conn *conn)
{
  ssize_t n;

  memmove (conn->bytes, conn->bytes + conn->begin, conn->n);
  conn->begin = 0;
  if (conn->n == sizeof conn->bytes)
    return false;
  n = recv (conn->fd, conn->bytes + conn->n, sizeof conn->bytes - conn->n, 0);
  if (n <= 0)
    return false;
  conn->n += (size_t) n;
  return true;
}

/* Text up to that end, NUL instead of it; NULL when the connection ended. Valid until the next
 * read. */
static char *
read_until (Conn *conn, const char *end)
{
  char *found;

  while (!(found = memmem (conn->bytes + conn->begin, conn->n, end, strlen (end))))
    if (!more (conn))
      return NULL;
  char *text = conn->bytes + conn->begin;
  size_t used = (size_t) (found - text) + strlen (end);

  *found = '\0';
  conn->begin += used;
  conn->n -= used;
  return text;
}

static bool
read_request (Conn *conn)
{
  char *head = read_until (conn, "\r\n\r\n"), *rest = NULL;
  char method[8];

  if (!head
      || sscanf (head, "%7s /%15[^/]/%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, method, conn->verb,
                 &conn->id, &conn->size)
             != 4)
    return false;
  conn->head = g_str_equal (method, "HEAD");
  conn->length = 0;
  conn->key[0] = '\0';
  (void) strtok_r (head, "\r\n", &rest);
  for (char *line; (line = strtok_r (NULL, "\r\n", &rest));)
    if (g_ascii_strncasecmp (line, "content-length:", 15) == 0)
      conn->length = g_ascii_strtoll (line + 15, NULL, 10);
    else if (g_ascii_strncasecmp (line, "transfer-encoding:", 18) == 0)
      conn->length = -1;
    else if (g_ascii_strncasecmp (line, "sec-websocket-key:", 18) == 0)
      (void) g_strlcpy (conn->key, g_strstrip (line + 18), sizeof conn->key);
  return true;
}

/* Gives n bytes of the request on as they come: sent back, or dropped. */
static bool
pass (Conn *conn, uint64_t n, bool echo)
{
  while (n > 0)
    {
      size_t piece;

      if (conn->n == 0 && !more (conn))
        return false;
      piece = (size_t) MIN (n, conn->n);
      if (echo && !send_all (conn, conn->bytes + conn->begin, piece))
        return false;
      conn->begin += piece;
      conn->n -= piece;
      n -= piece;
    }
  return true;
}

/* The request's body, sent back or dropped. */
static bool
pass_body (Conn *conn, bool echo)
{
  if (conn->length >= 0)
    return pass (conn, (uint64_t) conn->length, echo);
  for (;;)
    {
      char *line = read_until (conn, "\r\n");
      uint64_t n = line ? g_ascii_strtoull (line, NULL, 16) : 0;

      if (!line || (n > 0 && echo && !send_text (conn, "%" G_GINT64_MODIFIER "x\r\n", n)))
        return false;
      if (n == 0)
        return read_until (conn, "\r\n") && (!echo || send_text (conn, "0\r\n\r\n"));
      if (!pass (conn, n, echo) || !read_until (conn, "\r\n")
          || (echo && !send_text (conn, "\r\n")))
        return false;
    }
}

static bool
send_body (Conn *conn, uint64_t n, bool chunked)
{
  char bytes[PIECE];

  for (uint64_t done = 0; done < n && !conn->head;)
    {
      size_t piece = (size_t) MIN (n - done, sizeof bytes);

      pattern_fill (bytes, piece, conn->id, done);
      if ((chunked && !send_text (conn, "%zx\r\n", piece)) || !send_all (conn, bytes, piece)
          || (chunked && !send_text (conn, "\r\n")))
        return false;
      done += piece;
    }
  return !chunked || conn->head || send_text (conn, "0\r\n\r\n");
}

static bool
send_head (Conn *conn, unsigned status, const char *framing)
{
  return send_text (conn, "HTTP/1.1 %u Soak\r\nX-Id: %" G_GUINT64_FORMAT "\r\n%s\r\n", status,
                    conn->id, framing);
}

static bool
answer_length (Conn *conn, unsigned status, uint64_t n_sent)
{
  g_autofree char *framing
      = g_strdup_printf ("Content-Length: %" G_GUINT64_FORMAT "\r\n", conn->size);

  return pass_body (conn, false) && send_head (conn, status, framing)
         && send_body (conn, n_sent, false);
}

static bool
answer_echo (Conn *conn)
{
  g_autofree char *framing
      = conn->length < 0
            ? g_strdup ("Transfer-Encoding: chunked\r\n")
            : g_strdup_printf ("Content-Length: %" G_GINT64_FORMAT "\r\n", conn->length);

  return send_head (conn, 200, framing) && pass_body (conn, true);
}

static bool
answer_websocket (Conn *conn)
{
  g_autofree char *text = g_strconcat (conn->key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", NULL),
                  *accept = NULL, *framing = NULL;
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 digest[20];
  size_t n = sizeof digest;

  g_checksum_update (sum, (const guchar *) text, (gssize) strlen (text));
  g_checksum_get_digest (sum, digest, &n);
  accept = g_base64_encode (digest, n);
  framing = g_strdup_printf (
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n", accept);
  if (send_head (conn, 101, framing))
    (void) pass (conn, UINT64_MAX, true);
  return false;
}

/* The connection is over with this. */
static bool
fail (Conn *conn)
{
  struct linger now = { .l_onoff = 1 };
  struct pollfd hang_up = { .fd = conn->fd, .events = POLLRDHUP };

  if (g_str_equal (conn->verb, "hang"))
    (void) poll (&hang_up, 1, HANG_MS);
  if (g_str_equal (conn->verb, "reset"))
    {
      if (conn->id % 2 == 0)
        (void) answer_length (conn, 200, conn->size / 2);
      (void) setsockopt (conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
  return false;
}

/* Whether the connection goes on. */
static bool
answer (Conn *conn)
{
  if (g_str_equal (conn->verb, "ok"))
    return answer_length (conn, 200, conn->size);
  if (g_str_equal (conn->verb, "500"))
    return answer_length (conn, 500, conn->size);
  if (g_str_equal (conn->verb, "chunked"))
    return pass_body (conn, false) && send_head (conn, 200, "Transfer-Encoding: chunked\r\n")
           && send_body (conn, conn->size, true);
  if (g_str_equal (conn->verb, "until"))
    return pass_body (conn, false) && send_head (conn, 200, "Connection: close\r\n")
           && send_body (conn, conn->size, false) && false;
  if (g_str_equal (conn->verb, "echo"))
    return answer_echo (conn);
  if (g_str_equal (conn->verb, "ws"))
    return answer_websocket (conn);
  return fail (conn);
}

static void *
conn_main (void *data)
{
  Conn *conn = data;

  while (read_request (conn) && answer (conn))
    ;
  p2p_fd_close (&conn->fd);
  g_free (conn);
  return NULL;
}

int
main (int argc, char **argv)
{
  pthread_attr_t attr;
  int listen_fd;

  if (argc != 2)
    {
      fprintf (stderr, "Usage: soak-origin PORT\n");
      return 2;
    }
  p2p_fd_raise_limit ();
  (void) pthread_attr_init (&attr);
  (void) pthread_attr_setstacksize (&attr, STACK_BYTES);
  (void) pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED);
  listen_fd = loopback_listen ("soak-origin", (unsigned) g_ascii_strtoull (argv[1], NULL, 10), 0);
  for (;;)
    {
      Conn *conn = g_new0 (Conn, 1);
      int on = 1;
      pthread_t thread;

      conn->fd = accept4 (listen_fd, NULL, NULL, SOCK_CLOEXEC);
      if (conn->fd >= 0)
        (void) setsockopt (conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (conn->fd >= 0 && pthread_create (&thread, &attr, conn_main, conn) == 0)
        continue;
      p2p_fd_close (&conn->fd);
      g_free (conn);
    }
}
