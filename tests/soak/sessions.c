/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The kinds of sessions: keeping a connection, closing it, being slow, uploading, upgrading,
 * leaving. See client.h. */
#include "tests/soak/client.h"
#include "tests/soak/pattern.h"

static const Host hosts[] = {
  { "good.soak.test", true, false },  { "good.soak.test", true, false },
  { "agent.soak.test", true, false }, { "agent.soak.test", true, false },
  { "bad.soak.test", false, true },   { "flap.soak.test", false, false },
  { "edge.soak.test", false, false }, { "mixed.soak.test", false, false },
};

static void
live_keep_alive (Client *client)
{
  for (unsigned n = 1 + client_pick (client, 200); n > 0 && !atomic_load (&soak.over); n--)
    {
      Ask first = ask_make (client), second = ask_make (client);

      if (client->host->good && client_pick (client, 10) == 0)
        {
          atomic_fetch_add (&seen.pipelined, 1);
          (void) ask_send (client, &first, "");
          (void) ask_send (client, &second, "");
          if (!ask_take_answer (client, &first, 0) || !ask_take_answer (client, &second, 0))
            return;
          continue;
        }
      (void) ask_send (client, &first, "");
      if (!ask_take_answer (client, &first, 0))
        return;
    }
}

static void
live_closing (Client *client)
{
  Ask ask = ask_make (client);

  ask.closes = true;
  (void) ask_send (client, &ask, "");
  (void) ask_take_answer (client, &ask, 0);
}

static void
live_slow (Client *client)
{
  Ask ask = ask_make (client);
  g_autofree char *head = g_strdup_printf (
      "%s /%s/%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " HTTP/1.1\r\nHost: %s\r\n\r\n", ask.method,
      ask.verb, ask.id, ask.size, client->host->name);
  size_t n = strlen (head), at = 0;

  atomic_fetch_add (&seen.slow, 1);
  for (unsigned piece = 0; piece < 4; piece++)
    {
      size_t end = piece == 3 ? n : n * (piece + 1) / 4;

      client_pause (client_pick (client, 250));
      (void) soak_conn_send (&client->conn, head + at, end - at);
      at = end;
    }
  (void) ask_take_answer (client, &ask, 30);
}

/* An upload that comes back: no piece goes before the one ahead of it has returned, so each must be
 * passed on at once. */
static void
live_upload (Client *client)
{
  Ask ask = { .method = client_pick (client, 2) ? "POST" : "PUT",
              .verb = "echo",
              .id = client->next_id++,
              .chunked = client_pick (client, 2) };
  uint64_t total = 1 + client_pick_size (client) / 4;
  g_autofree char *framing
      = ask.chunked ? g_strdup ("Transfer-Encoding: chunked\r\n")
                    : g_strdup_printf ("Content-Length: %" G_GUINT64_FORMAT "\r\n", total);
  SoakAnswer answer = { 0 };
  uint64_t back = 0;

  (void) ask_send (client, &ask, framing);
  for (uint64_t sent = 0; sent < total;)
    {
      char bytes[SOAK_PIECE + 32];
      size_t n = 1 + client_pick (client, SOAK_PIECE);
      size_t line;

      n = MIN (n, total - sent);
      line = ask.chunked ? (size_t) g_snprintf (bytes, sizeof bytes, "%zx\r\n", n) : 0;
      pattern_fill (bytes + line, n, ask.id, sent);
      if (ask.chunked)
        memcpy (bytes + line + n, "\r\n", 2);
      (void) soak_conn_send (&client->conn, bytes, line + n + (ask.chunked ? 2 : 0));
      sent += n;
      if (sent == n && (!ask_read_head (client, &ask, &answer) || !answer.has_id))
        return;
      while (back < sent)
        {
          SoakResult result = soak_answer_read (&client->conn, &answer, bytes, SOAK_PIECE, &n);

          if (result != SOAK_OK)
            {
              (void) ask_body_failed (client, &ask, result);
              return;
            }
          if (!ask_check_bytes (client, &ask, bytes, n, back))
            return;
          back += n;
        }
    }
  ask.size = 0;
  if (ask.chunked)
    (void) soak_conn_send (&client->conn, "0\r\n\r\n", 5);
  (void) ask_read_body (client, &ask, &answer, 0);
  atomic_fetch_add (&seen.uploads, 1);
  atomic_fetch_add (&seen.upload_bytes, total);
}

static void
live_websocket (Client *client)
{
  Ask ask = { .method = "GET", .verb = "ws", .id = client->next_id++ };
  uint64_t sent = 0;
  SoakAnswer answer;

  (void) ask_send (client, &ask,
                   "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                   "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  if (!ask_read_head (client, &ask, &answer) || answer.status != 101)
    return;
  atomic_fetch_add (&seen.websockets, 1);
  for (unsigned n_messages = client_pick (client, 40); n_messages > 0 && !atomic_load (&soak.over);
       n_messages--)
    {
      char bytes[SOAK_PIECE], wanted[SOAK_PIECE];
      size_t n = 1 + client_pick (client, client_pick (client, 8) ? 200 : SOAK_PIECE);
      SoakResult result;

      pattern_fill (wanted, n, ask.id, sent);
      (void) soak_conn_send (&client->conn, wanted, n);
      if ((result = soak_conn_read (&client->conn, bytes, n)) != SOAK_OK)
        {
          (void) ask_body_failed (client, &ask, result);
          return;
        }
      if (!ask_check_bytes (client, &ask, bytes, n, sent))
        return;
      sent += n;
      atomic_fetch_add (&seen.messages, 1);
      if (client_pick (client, 4) == 0)
        client_pause (client_pick (client, 400)); /* long enough to park */
    }
}

/* Sends something and leaves, whatever comes. */
static void
live_leaving (Client *client)
{
  Ask ask = ask_make (client);
  SoakAnswer answer;
  char bytes[SOAK_PIECE];
  size_t n = 0;

  atomic_fetch_add (&seen.left_early, 1);
  switch (client_pick (client, 5))
    {
    case 0:
      (void) soak_conn_send (&client->conn, "GET /ok/1/1 HT", 14);
      break;
    case 1:
      (void) ask_send (client, &ask, "");
      break;
    case 2:
      ask.size = 1 << 20;
      (void) ask_send (client, &ask, "");
      if (soak_answer_begin (&client->conn, false, &answer) == SOAK_OK)
        (void) soak_answer_read (&client->conn, &answer, bytes, sizeof bytes, &n);
      break;
    case 3:
      ask.verb = "echo";
      ask.method = "POST";
      (void) ask_send (client, &ask, "Content-Length: 100000\r\n");
      memset (bytes, 'x', sizeof bytes);
      (void) soak_conn_send (&client->conn, bytes, sizeof bytes);
      break;
    default:
      break;
    }
  client_pause (client_pick (client, 30));
}

void
client_live (Client *client)
{
  static void (*const lives[]) (Client *)
      = { live_keep_alive, live_keep_alive, live_keep_alive, live_closing,   live_closing,
          live_slow,       live_upload,     live_upload,     live_websocket, live_leaving };
  void (*live) (Client *) = lives[client_pick (client, G_N_ELEMENTS (lives))];
  Ask none = { .method = "-", .verb = "connect" };
  SoakResult result;

  client->host = &hosts[client_pick (client, G_N_ELEMENTS (hosts))];
  client->tls = client_pick (client, 2);
  result = soak_conn_open (&client->conn, soak.ports[client->tls],
                           client->tls ? client->host->name : NULL, soak.credentials);
  if (result == SOAK_OK)
    live (client);
  else
    client_wrong (client, &none, client_result_text (&client->conn, result));
  if (client->tls && result == SOAK_OK)
    atomic_fetch_add (&seen.handshakes, 1);
  atomic_fetch_add (&seen.sessions, 1);
  soak_conn_close (&client->conn, live == live_leaving && client_pick (client, 2));
}
