/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Requests of the soak and the check of their answers. See client.h. */
#include "tests/soak/client.h"
#include "tests/soak/pattern.h"

#include <stdio.h>

#define FAULTS_SHOWN 200

Seen seen;

unsigned
client_pick (Client *client, unsigned n)
{
  return (unsigned) g_rand_int_range (client->chance, 0, (gint32) n);
}

void
client_pause (unsigned ms)
{
  g_usleep ((gulong) ms * 1000);
}

const char *
client_result_text (const SoakConn *conn, SoakResult result)
{
  static const char *const texts[] = { "is right", "no answer, the connection ended",
                                       "the connection was cut", "nothing came in time" };

  return result == SOAK_WRONG ? conn->fault : texts[result];
}

void
client_wrong (const Client *client, const Ask *ask, const char *what)
{
  if (atomic_fetch_add (&seen.wrong, 1) >= FAULTS_SHOWN)
    return;
  printf ("wrong: %s%s %s /%s/%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT ": %s\n",
          client->tls ? "https://" : "http://", client->host->name, ask->method, ask->verb, ask->id,
          ask->size, what);
  fflush (stdout);
}

uint64_t
client_pick_size (Client *client)
{
  unsigned lot = client_pick (client, 200);

  return lot < 120   ? client_pick (client, 2048)
         : lot < 180 ? client_pick (client, 65536)
         : lot < 199 ? client_pick (client, 524288)
                     : client_pick (client, 8 << 20);
}

Ask
ask_make (Client *client)
{
  static const char *const verbs[] = { "ok", "ok", "ok", "ok", "chunked", "until" };
  static const char *const faults[] = { "500", "500", "close", "reset", "reset", "hang" };
  Ask ask = { .method = client_pick (client, 20) == 0 ? "HEAD" : "GET",
              .id = client->next_id++,
              .size = client_pick_size (client) };
  unsigned lot = client_pick (client, G_N_ELEMENTS (verbs));

  ask.verb = client->host->fails_on_purpose && client_pick (client, 2) ? faults[lot] : verbs[lot];
  return ask;
}

bool
ask_send (Client *client, const Ask *ask, const char *fields)
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
bool
ask_read_head (Client *client, const Ask *ask, SoakAnswer *ret_answer)
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
        client_wrong (client, ask, client_result_text (&client->conn, result));
      return false;
    }
  (void) g_snprintf (what, sizeof what, "status %d, id %" G_GUINT64_FORMAT, ret_answer->status,
                     ret_answer->has_id ? ret_answer->id : 0);
  if (!count_status (client, ask, ret_answer->status)
      || (ret_answer->has_id ? ret_answer->id != ask->id : ret_answer->status <= 500))
    {
      client_wrong (client, ask, what);
      return false;
    }
  return true;
}

bool
ask_body_failed (Client *client, const Ask *ask, SoakResult result)
{
  if (!client->host->good && result == SOAK_CUT)
    atomic_fetch_add (&seen.cut, 1);
  else
    client_wrong (client, ask, client_result_text (&client->conn, result));
  return false;
}

bool
ask_check_bytes (Client *client, const Ask *ask, const char *bytes, size_t n, uint64_t offset)
{
  char wanted[SOAK_PIECE];

  g_assert (n <= sizeof wanted);
  pattern_fill (wanted, n, ask->id, offset);
  atomic_fetch_add (&seen.bytes, n);
  if (memcmp (bytes, wanted, n) == 0)
    return true;
  client_wrong (client, ask, "another's bytes in the body");
  return false;
}

bool
ask_read_body (Client *client, const Ask *ask, SoakAnswer *answer, unsigned slow)
{
  bool from_origin = answer->has_id;
  uint64_t offset = 0;
  char bytes[SOAK_PIECE];
  size_t n = 0;
  SoakResult result;

  while ((result = soak_answer_read (&client->conn, answer, bytes, sizeof bytes, &n)) == SOAK_OK)
    {
      if (from_origin && !ask_check_bytes (client, ask, bytes, n, offset))
        return false;
      offset += n;
      if (slow > 0 && slow--)
        client_pause (20 + client_pick (client, 60));
    }
  if (result != SOAK_END)
    return ask_body_failed (client, ask, result);
  /* A plain body until the end of the connection does not tell its end from its origin's. */
  if (from_origin && offset < ask->size && !client->host->good && g_str_equal (ask->verb, "until"))
    return ask_body_failed (client, ask, SOAK_CUT);
  if (from_origin && offset != ask->size && !g_str_equal (ask->method, "HEAD"))
    {
      client_wrong (client, ask, "a body of another length");
      return false;
    }
  return !answer->closes && !ask->closes;
}

bool
ask_take_answer (Client *client, const Ask *ask, unsigned slow)
{
  SoakAnswer answer;

  return ask_read_head (client, ask, &answer) && ask_read_body (client, ask, &answer, slow);
}
