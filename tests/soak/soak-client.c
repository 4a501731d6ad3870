/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The clients of the soak: they ask, upload, upgrade, are slow, leave, and check every byte of
 * every answer.
 *
 *     soak-client HTTP_PORT HTTPS_PORT THREADS SEED
 *
 * Each thread lives through one session after the other, each of a kind, a listener and a host
 * chosen by lot. Some hosts are always good: there an answer other than the right one is a fault.
 * The others may fail, but only as a proxy whose target fails may: 502, 503, 504, or a body that is
 * cut. A fault is one line "wrong: ..." on standard output; every second a line "asked N" shows
 * that it goes on; SIGTERM ends it with one line of JSON that says what was seen.
 *
 * Counters are shared and atomic; all else belongs to its thread. */
#include "tests/soak/conn.h"
#include "tests/soak/pattern.h"

#include "lib/clock.h"

#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE 8192
#define FAULTS_SHOWN 200

typedef struct
{
  const char *name;
  bool good, fails_on_purpose;
} Host;

static const Host hosts[] = {
  { "good.soak.test", true, false },  { "good.soak.test", true, false },
  { "agent.soak.test", true, false }, { "agent.soak.test", true, false },
  { "bad.soak.test", false, true },   { "flap.soak.test", false, false },
  { "edge.soak.test", false, false }, { "mixed.soak.test", false, false },
};

/* What was seen: text of the summary, counter. */
#define COUNTERS(X)                                                                                \
  X (sessions)                                                                                     \
  X (answers) X (s200) X (s500) X (s502) X (s503) X (s504) X (cut) X (bytes) X (handshakes)        \
      X (uploads) X (upload_bytes) X (websockets) X (messages) X (slow) X (left_early)             \
          X (pipelined) X (wrong)
static struct
{
#define COUNTER(name) _Atomic uint64_t name;
  COUNTERS (COUNTER)
#undef COUNTER
} seen;

static unsigned ports[2];
static gnutls_certificate_credentials_t credentials; /* (owned) */
static atomic_bool over;

typedef struct
{
  SoakConn conn;
  GRand *chance; /* (owned) */
  const Host *host;
  bool tls;
  uint64_t next_id;
} Client;

/* One request of a session. */
typedef struct
{
  const char *method, *verb;
  uint64_t id, size;
  bool closes, chunked;
} Ask;

static unsigned
pick (Client *client, unsigned n)
{
  return (unsigned) g_rand_int_range (client->chance, 0, (gint32) n);
}

static void
pause_ms (unsigned ms)
{
  g_usleep ((gulong) ms * 1000);
}

static const char *
result_text (const SoakConn *conn, SoakResult result)
{
  static const char *const texts[] = { "is right", "no answer, the connection ended",
                                       "the connection was cut", "nothing came in time" };

  return result == SOAK_WRONG ? conn->fault : texts[result];
}

static void
wrong (const Client *client, const Ask *ask, const char *what)
{
  if (atomic_fetch_add (&seen.wrong, 1) >= FAULTS_SHOWN)
    return;
  printf ("wrong: %s%s %s /%s/%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT ": %s\n",
          client->tls ? "https://" : "http://", client->host->name, ask->method, ask->verb, ask->id,
          ask->size, what);
  fflush (stdout);
}

static uint64_t
pick_size (Client *client)
{
  unsigned lot = pick (client, 200);

  return lot < 120   ? pick (client, 2048)
         : lot < 180 ? pick (client, 65536)
         : lot < 199 ? pick (client, 524288)
                     : pick (client, 8 << 20);
}

static Ask
make_ask (Client *client)
{
  static const char *const verbs[] = { "ok", "ok", "ok", "ok", "chunked", "until" };
  static const char *const faults[] = { "500", "500", "close", "reset", "reset", "hang" };
  Ask ask = { .method = pick (client, 20) == 0 ? "HEAD" : "GET",
              .id = client->next_id++,
              .size = pick_size (client) };
  unsigned lot = pick (client, G_N_ELEMENTS (verbs));

  ask.verb = client->host->fails_on_purpose && pick (client, 2) ? faults[lot] : verbs[lot];
  return ask;
}

static bool
send_ask (Client *client, const Ask *ask, const char *fields)
{
  char head[512];
  int n = g_snprintf (head, sizeof head,
                      "%s /%s/%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT
                      " HTTP/1.1\r\nHost: %s\r\n%s%s\r\n",
                      ask->method, ask->verb, ask->id, ask->size, client->host->name,
                      ask->closes ? "Connection: close\r\n" : "", fields);

  return soak_conn_send (&client->conn, head, (size_t) n);
}

/* Whether that status may be. */
static bool
count_status (const Client *client, const Ask *ask, int status)
{
  bool is_500 = g_str_equal (ask->verb, "500");

  atomic_fetch_add (&seen.answers, 1);
  switch (status)
    {
    case 200:
      atomic_fetch_add (&seen.s200, 1);
      return !is_500;
    case 500:
      atomic_fetch_add (&seen.s500, 1);
      return is_500;
    case 502:
      atomic_fetch_add (&seen.s502, 1);
      return !client->host->good;
    case 503:
      atomic_fetch_add (&seen.s503, 1);
      return !client->host->good;
    case 504:
      atomic_fetch_add (&seen.s504, 1);
      return !client->host->good;
    default:
      return status == 101 && g_str_equal (ask->verb, "ws");
    }
}

/* The head of the answer: whether it may be so. False when the session is over with it. */
static bool
read_head (Client *client, const Ask *ask, SoakAnswer *ret_answer)
{
  SoakResult result
      = soak_answer_begin (&client->conn, g_str_equal (ask->method, "HEAD"), ret_answer);
  char what[100];

  if (result != SOAK_OK)
    {
      /* A 502 in the midst of an upload may be lost with the bytes that nobody read. */
      if (!client->host->good && g_str_equal (ask->verb, "echo")
          && (result == SOAK_END || result == SOAK_CUT))
        atomic_fetch_add (&seen.cut, 1);
      else
        wrong (client, ask, result_text (&client->conn, result));
      return false;
    }
  (void) g_snprintf (what, sizeof what, "status %d, id %" G_GUINT64_FORMAT, ret_answer->status,
                     ret_answer->has_id ? ret_answer->id : 0);
  if (!count_status (client, ask, ret_answer->status)
      || (ret_answer->has_id ? ret_answer->id != ask->id : ret_answer->status <= 500))
    {
      wrong (client, ask, what);
      return false;
    }
  return true;
}

/* A body that ended early: allowed where a target may fail. */
static bool
body_failed (Client *client, const Ask *ask, SoakResult result)
{
  if (!client->host->good && result == SOAK_CUT)
    atomic_fetch_add (&seen.cut, 1);
  else
    wrong (client, ask, result_text (&client->conn, result));
  return false;
}

static bool
check_bytes (Client *client, const Ask *ask, const char *bytes, size_t n, uint64_t offset)
{
  char wanted[PIECE];

  g_assert (n <= sizeof wanted);
  pattern_fill (wanted, n, ask->id, offset);
  atomic_fetch_add (&seen.bytes, n);
  if (memcmp (bytes, wanted, n) == 0)
    return true;
  wrong (client, ask, "another's bytes in the body");
  return false;
}

/* Reads the rest of the body. n_read: what was read before. slow: with pauses, for at most as many
 * pieces. */
static bool
read_body (Client *client, const Ask *ask, SoakAnswer *answer, unsigned slow)
{
  bool from_origin = answer->has_id;
  uint64_t offset = 0;
  char bytes[PIECE];
  size_t n = 0;
  SoakResult result;

  while ((result = soak_answer_read (&client->conn, answer, bytes, sizeof bytes, &n)) == SOAK_OK)
    {
      if (from_origin && !check_bytes (client, ask, bytes, n, offset))
        return false;
      offset += n;
      if (slow > 0 && slow--)
        pause_ms (20 + pick (client, 60));
    }
  if (result != SOAK_END)
    return body_failed (client, ask, result);
  /* A plain body until the end of the connection does not tell its end from its origin's. */
  if (from_origin && offset < ask->size && !client->host->good && g_str_equal (ask->verb, "until"))
    return body_failed (client, ask, SOAK_CUT);
  if (from_origin && offset != ask->size && !g_str_equal (ask->method, "HEAD"))
    {
      wrong (client, ask, "a body of another length");
      return false;
    }
  return !answer->closes && !ask->closes;
}

static bool
take_answer (Client *client, const Ask *ask, unsigned slow)
{
  SoakAnswer answer;

  return read_head (client, ask, &answer) && read_body (client, ask, &answer, slow);
}

/* ---- Sessions
 * ---------------------------------------------------------------------------------------------- */

static void
live_keep_alive (Client *client)
{
  for (unsigned n = 1 + pick (client, 200); n > 0 && !atomic_load (&over); n--)
    {
      Ask first = make_ask (client), second = make_ask (client);

      if (client->host->good && pick (client, 10) == 0)
        {
          atomic_fetch_add (&seen.pipelined, 1);
          (void) send_ask (client, &first, "");
          (void) send_ask (client, &second, "");
          if (!take_answer (client, &first, 0) || !take_answer (client, &second, 0))
            return;
          continue;
        }
      (void) send_ask (client, &first, "");
      if (!take_answer (client, &first, 0))
        return;
    }
}

static void
live_closing (Client *client)
{
  Ask ask = make_ask (client);

  ask.closes = true;
  (void) send_ask (client, &ask, "");
  (void) take_answer (client, &ask, 0);
}

static void
live_slow (Client *client)
{
  Ask ask = make_ask (client);
  g_autofree char *head = g_strdup_printf (
      "%s /%s/%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " HTTP/1.1\r\nHost: %s\r\n\r\n", ask.method,
      ask.verb, ask.id, ask.size, client->host->name);
  size_t n = strlen (head), at = 0;

  atomic_fetch_add (&seen.slow, 1);
  for (unsigned piece = 0; piece < 4; piece++)
    {
      size_t end = piece == 3 ? n : n * (piece + 1) / 4;

      pause_ms (pick (client, 250));
      (void) soak_conn_send (&client->conn, head + at, end - at);
      at = end;
    }
  (void) take_answer (client, &ask, 30);
}

/* An upload that comes back: no piece goes before the one ahead of it has returned, so each must be
 * passed on at once. */
static void
live_upload (Client *client)
{
  Ask ask = { .method = pick (client, 2) ? "POST" : "PUT",
              .verb = "echo",
              .id = client->next_id++,
              .chunked = pick (client, 2) };
  uint64_t total = 1 + pick_size (client) / 4;
  g_autofree char *framing
      = ask.chunked ? g_strdup ("Transfer-Encoding: chunked\r\n")
                    : g_strdup_printf ("Content-Length: %" G_GUINT64_FORMAT "\r\n", total);
  SoakAnswer answer = { 0 };
  uint64_t back = 0;

  (void) send_ask (client, &ask, framing);
  for (uint64_t sent = 0; sent < total;)
    {
      char bytes[PIECE + 32];
      size_t n = 1 + pick (client, PIECE);
      size_t line;

      n = MIN (n, total - sent);
      line = ask.chunked ? (size_t) g_snprintf (bytes, sizeof bytes, "%zx\r\n", n) : 0;
      pattern_fill (bytes + line, n, ask.id, sent);
      if (ask.chunked)
        memcpy (bytes + line + n, "\r\n", 2);
      (void) soak_conn_send (&client->conn, bytes, line + n + (ask.chunked ? 2 : 0));
      sent += n;
      if (sent == n && (!read_head (client, &ask, &answer) || !answer.has_id))
        return;
      while (back < sent)
        {
          SoakResult result = soak_answer_read (&client->conn, &answer, bytes, PIECE, &n);

          if (result != SOAK_OK)
            {
              (void) body_failed (client, &ask, result);
              return;
            }
          if (!check_bytes (client, &ask, bytes, n, back))
            return;
          back += n;
        }
    }
  ask.size = 0;
  if (ask.chunked)
    (void) soak_conn_send (&client->conn, "0\r\n\r\n", 5);
  (void) read_body (client, &ask, &answer, 0);
  atomic_fetch_add (&seen.uploads, 1);
  atomic_fetch_add (&seen.upload_bytes, total);
}

static void
live_websocket (Client *client)
{
  Ask ask = { .method = "GET", .verb = "ws", .id = client->next_id++ };
  uint64_t sent = 0;
  SoakAnswer answer;

  (void) send_ask (client, &ask,
                   "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                   "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  if (!read_head (client, &ask, &answer) || answer.status != 101)
    return;
  atomic_fetch_add (&seen.websockets, 1);
  for (unsigned n_messages = pick (client, 40); n_messages > 0 && !atomic_load (&over);
       n_messages--)
    {
      char bytes[PIECE], wanted[PIECE];
      size_t n = 1 + pick (client, pick (client, 8) ? 200 : PIECE);
      SoakResult result;

      pattern_fill (wanted, n, ask.id, sent);
      (void) soak_conn_send (&client->conn, wanted, n);
      if ((result = soak_conn_read (&client->conn, bytes, n)) != SOAK_OK)
        {
          (void) body_failed (client, &ask, result);
          return;
        }
      if (!check_bytes (client, &ask, bytes, n, sent))
        return;
      sent += n;
      atomic_fetch_add (&seen.messages, 1);
      if (pick (client, 4) == 0)
        pause_ms (pick (client, 400)); /* long enough to park */
    }
}

/* Sends something and leaves, whatever comes. */
static void
live_leaving (Client *client)
{
  Ask ask = make_ask (client);
  SoakAnswer answer;
  char bytes[PIECE];
  size_t n = 0;

  atomic_fetch_add (&seen.left_early, 1);
  switch (pick (client, 5))
    {
    case 0:
      (void) soak_conn_send (&client->conn, "GET /ok/1/1 HT", 14);
      break;
    case 1:
      (void) send_ask (client, &ask, "");
      break;
    case 2:
      ask.size = 1 << 20;
      (void) send_ask (client, &ask, "");
      if (soak_answer_begin (&client->conn, false, &answer) == SOAK_OK)
        (void) soak_answer_read (&client->conn, &answer, bytes, sizeof bytes, &n);
      break;
    case 3:
      ask.verb = "echo";
      ask.method = "POST";
      (void) send_ask (client, &ask, "Content-Length: 100000\r\n");
      memset (bytes, 'x', sizeof bytes);
      (void) soak_conn_send (&client->conn, bytes, sizeof bytes);
      break;
    default:
      break;
    }
  pause_ms (pick (client, 30));
}

static void
live_once (Client *client)
{
  static void (*const lives[]) (Client *)
      = { live_keep_alive, live_keep_alive, live_keep_alive, live_closing,   live_closing,
          live_slow,       live_upload,     live_upload,     live_websocket, live_leaving };
  void (*live) (Client *) = lives[pick (client, G_N_ELEMENTS (lives))];
  Ask none = { .method = "-", .verb = "connect" };
  SoakResult result;

  client->host = &hosts[pick (client, G_N_ELEMENTS (hosts))];
  client->tls = pick (client, 2);
  result = soak_conn_open (&client->conn, ports[client->tls],
                           client->tls ? client->host->name : NULL, credentials);
  if (result == SOAK_OK)
    live (client);
  else
    wrong (client, &none, result_text (&client->conn, result));
  if (client->tls && result == SOAK_OK)
    atomic_fetch_add (&seen.handshakes, 1);
  atomic_fetch_add (&seen.sessions, 1);
  soak_conn_close (&client->conn, live == live_leaving && pick (client, 2));
}

static void *
client_main (void *data)
{
  Client *client = data;

  while (!atomic_load (&over))
    live_once (client);
  g_rand_free (client->chance);
  g_free (client);
  return NULL;
}

static void
show_progress (const sigset_t *ends)
{
  struct timespec second = { .tv_sec = 1 };

  while (sigtimedwait (ends, NULL, &second) < 0)
    {
      printf ("asked %" G_GUINT64_FORMAT "\n", atomic_load (&seen.answers));
      fflush (stdout);
    }
}

static void
show_summary (void)
{
  const char *comma = "";

  printf ("{");
#define COUNTER(name)                                                                              \
  printf ("%s\"%s\": %" G_GUINT64_FORMAT, comma, #name, atomic_load (&seen.name));                 \
  comma = ", ";
  COUNTERS (COUNTER)
#undef COUNTER
  printf ("}\n");
}

int
main (int argc, char **argv)
{
  g_autofree pthread_t *threads = NULL;
  unsigned n_threads;
  sigset_t ends;

  if (argc != 5)
    {
      fprintf (stderr, "Usage: soak-client HTTP_PORT HTTPS_PORT THREADS SEED\n");
      return 2;
    }
  ports[0] = (unsigned) strtoul (argv[1], NULL, 10);
  ports[1] = (unsigned) strtoul (argv[2], NULL, 10);
  n_threads = (unsigned) strtoul (argv[3], NULL, 10);
  (void) signal (SIGPIPE, SIG_IGN);
  (void) sigemptyset (&ends);
  (void) sigaddset (&ends, SIGTERM);
  (void) pthread_sigmask (SIG_BLOCK, &ends, NULL);
  g_assert (gnutls_certificate_allocate_credentials (&credentials) == 0);
  threads = g_new0 (pthread_t, n_threads);
  for (unsigned i = 0; i < n_threads; i++)
    {
      Client *client = g_new0 (Client, 1);

      client->next_id = ((uint64_t) i + 1) << 32;
      client->chance = g_rand_new_with_seed ((guint32) strtoul (argv[4], NULL, 10) + i);
      g_assert (pthread_create (&threads[i], NULL, client_main, client) == 0);
    }
  show_progress (&ends);
  atomic_store (&over, true);
  for (unsigned i = 0; i < n_threads; i++)
    (void) pthread_join (threads[i], NULL);
  show_summary ();
  gnutls_certificate_free_credentials (credentials);
  return atomic_load (&seen.wrong) > 0;
}
