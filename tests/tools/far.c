/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A path for tests: a TCP relay that delays what passes, or lets little of it pass, each way alike.
 *
 *     far --to=PORT [--delay=MS] [--rate=BYTES_A_SECOND] [--hold=BYTES] [--buffers=BYTES]
 *
 * It listens on a port of 127.0.0.1 of the kernel's choice, which is the first line of its output,
 * and relays every connection to PORT there. With a delay it reads as fast as it can and holds up
 * to 128 MiB each way. With a rate it is to hold little itself: --hold says how much each way, and
 * --buffers how large the kernel's are. Commands come as lines on standard input, each answered by
 * a line when it is done:
 *
 *     stop    no byte passes any more, nor the end of a connection
 *     go      they pass again
 *     cut     all connections end by RST
 *
 * It ends with standard input. One thread. */
#include "lib/clock.h"
#include "lib/fd.h"
#include "tests/tools/loopback.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (128 << 10)
#define MERGE_US 1000 /* what comes within this time leaves together */

typedef struct
{
  int64_t due_us;
  size_t start, end;
  char data[CHUNK];
} Chunk;

typedef struct
{
  GQueue chunks; /* of Chunk (owned), the oldest first */
  size_t held;
  bool eof;        /* of what is read */
  bool ended;      /* and that was passed on */
  bool full;       /* the last write found no room */
  int64_t free_us; /* when the rate lets the next bytes pass */
} Way;

typedef struct
{
  int fds[2];  /* (owned) */
  Way ways[2]; /* ways[i] leads from fds[i] to the other */
  bool broken;
} Pair;

static int to_port, delay_ms, buffers;
static gint64 rate;
static gint64 hold = 128 << 20;
static bool stopped;
static GQueue pairs = G_QUEUE_INIT;  /* of Pair (owned) */
static GQueue spares = G_QUEUE_INIT; /* of Chunk (owned), warm ones first */

static const GOptionEntry entries[] = {
  { "to", 0, 0, G_OPTION_ARG_INT, &to_port, "Where to", "PORT" },
  { "delay", 0, 0, G_OPTION_ARG_INT, &delay_ms, "Each way", "MS" },
  { "rate", 0, 0, G_OPTION_ARG_INT64, &rate, "Each way, a second", "BYTES" },
  { "hold", 0, 0, G_OPTION_ARG_INT64, &hold, "At most on the way, each way", "BYTES" },
  { "buffers", 0, 0, G_OPTION_ARG_INT, &buffers, "Of the sockets", "BYTES" },
  { NULL, 0, 0, 0, NULL, NULL, NULL },
};

static void
set_buffers (int fd)
{
  if (buffers == 0)
    return;
  (void) setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &buffers, sizeof buffers);
  (void) setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &buffers, sizeof buffers);
}

static void
pair_free (Pair *pair, bool by_reset)
{
  const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

  for (unsigned i = 0; i < 2; i++)
    {
      if (by_reset)
        (void) setsockopt (pair->fds[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      p2p_fd_close (&pair->fds[i]);
      g_queue_clear_full (&pair->ways[i].chunks, g_free);
    }
  g_free (pair);
}

static void
accept_one (int listen_fd)
{
  struct sockaddr_in to = { .sin_family = AF_INET,
                            .sin_port = htons ((uint16_t) to_port),
                            .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  int fd = accept4 (listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
  Pair *pair;

  if (fd < 0)
    return;
  pair = g_new0 (Pair, 1);
  pair->fds[0] = fd;
  pair->fds[1] = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  set_buffers (pair->fds[1]);
  if (connect (pair->fds[1], (struct sockaddr *) &to, sizeof to) < 0
      || fcntl (pair->fds[1], F_SETFL, O_NONBLOCK) < 0)
    {
      pair_free (pair, true);
      return;
    }
  for (unsigned i = 0; i < 2; i++)
    (void) setsockopt (pair->fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  g_queue_push_tail (&pairs, pair);
}

/* Where the next bytes go: the last chunk if they may leave with it. */
static Chunk *
way_chunk (Way *way, int64_t due_us)
{
  Chunk *chunk = g_queue_peek_tail (&way->chunks);

  if (chunk && chunk->end < CHUNK && due_us - chunk->due_us < MERGE_US)
    return chunk;
  chunk = g_queue_pop_head (&spares);
  if (!chunk)
    chunk = g_new (Chunk, 1);
  chunk->due_us = due_us;
  chunk->start = chunk->end = 0;
  g_queue_push_tail (&way->chunks, chunk);
  return chunk;
}

static bool
way_wants_bytes (const Way *way)
{
  return !way->eof && way->held < (size_t) hold;
}

/* False: the connection is lost. */
static bool
way_read (Way *way, int fd)
{
  Chunk *chunk = way_chunk (way, p2p_now_us () + delay_ms * (int64_t) 1000);
  ssize_t n
      = recv (fd, chunk->data + chunk->end, MIN (CHUNK - chunk->end, (size_t) hold - way->held), 0);

  if (n < 0)
    return errno == EAGAIN;
  way->eof = n == 0;
  chunk->end += (size_t) n;
  way->held += (size_t) n;
  return true;
}

/* When it has something to do for the other end, if that has room. */
static int64_t
way_due_us (const Way *way)
{
  const Chunk *chunk = g_queue_peek_head ((GQueue *) &way->chunks);

  return chunk ? MAX (chunk->due_us, way->free_us) : P2P_FOREVER;
}

static void
way_pass_end (Way *way, int fd)
{
  if (!way->eof || way->ended || !g_queue_is_empty (&way->chunks))
    return;
  way->ended = true;
  (void) shutdown (fd, SHUT_WR); /* one that is gone already is noticed elsewhere */
}

/* Writes one chunk, or what the rate allows; answers false when the connection is lost. */
static bool
way_write (Way *way, int fd, int64_t now_us)
{
  Chunk *chunk = g_queue_peek_head (&way->chunks);
  size_t left = chunk->end - chunk->start;
  ssize_t n = 0;

  /* A hundredth of a second's worth is one piece. */
  if (rate > 0)
    left = MIN (left, (size_t) MAX (rate / 100, 100));
  if (left > 0)
    n = send (fd, chunk->data + chunk->start, left, MSG_NOSIGNAL);
  way->full = n < 0 && errno == EAGAIN;
  if (n < 0)
    return way->full;
  chunk->start += (size_t) n;
  way->held -= (size_t) n;
  if (rate > 0)
    way->free_us = MAX (way->free_us, now_us - 10000) + n * G_USEC_PER_SEC / rate;
  if (chunk->start == chunk->end)
    g_queue_push_head (&spares, g_queue_pop_head (&way->chunks));
  return true;
}

static void
pair_work (Pair *pair, const struct pollfd *pfds)
{
  for (unsigned i = 0; i < 2 && !pair->broken; i++)
    {
      Way *way = &pair->ways[i];
      int64_t now_us = p2p_now_us ();

      if (pfds[i].revents & (POLLIN | POLLHUP | POLLERR) && way_wants_bytes (way))
        pair->broken |= !way_read (way, pair->fds[i]);
      way->full &= !(pfds[!i].revents & (POLLOUT | POLLHUP | POLLERR));
      while (!pair->broken && !way->full && way_due_us (way) <= now_us)
        pair->broken |= !way_write (way, pair->fds[!i], now_us);
      way_pass_end (way, pair->fds[!i]);
    }
}

/* What to wait for; answers until when. */
static int64_t
pair_ask (const Pair *pair, struct pollfd *pfds)
{
  int64_t due_us = P2P_FOREVER;

  for (unsigned i = 0; i < 2; i++)
    {
      pfds[i] = (struct pollfd){ .fd = pair->fds[i] };
      if (way_wants_bytes (&pair->ways[i]))
        pfds[i].events |= POLLIN;
      if (pair->ways[!i].full)
        pfds[i].events |= POLLOUT;
      else
        due_us = MIN (due_us, way_due_us (&pair->ways[!i]));
      if (pfds[i].events == 0)
        pfds[i].fd
            = -1; /* else a hang-up that nothing can be done about would wake us all the time */
    }
  return due_us;
}

static void
cut_all (void)
{
  Pair *pair;

  while ((pair = g_queue_pop_head (&pairs)))
    pair_free (pair, true);
}

static void
obey (const char *command)
{
  if (g_str_equal (command, "stop"))
    stopped = true;
  else if (g_str_equal (command, "go"))
    stopped = false;
  else if (g_str_equal (command, "cut"))
    cut_all ();
  else
    command = "what?";
  printf ("%s\n", command);
  fflush (stdout);
}

/* False at the end of standard input. */
static bool
read_commands (void)
{
  char text[256];
  ssize_t n = read (STDIN_FILENO, text, sizeof text - 1);
  g_auto (GStrv) lines = NULL;

  if (n <= 0)
    return false;
  text[n] = '\0';
  lines = g_strsplit (g_strchomp (text), "\n", 0);
  for (unsigned i = 0; lines[i]; i++)
    obey (lines[i]);
  return true;
}

static void
work (const struct pollfd *pfds)
{
  unsigned n = 0;

  for (GList *link = pairs.head, *next; link; link = next, n += 2)
    {
      Pair *pair = link->data;

      next = link->next;
      pair_work (pair, &pfds[n]);
      if (!pair->broken && !(pair->ways[0].ended && pair->ways[1].ended))
        continue;
      g_queue_delete_link (&pairs, link);
      pair_free (pair, pair->broken);
    }
}

static void
relay (int listen_fd)
{
  g_autoptr (GArray) pfds = g_array_new (FALSE, TRUE, sizeof (struct pollfd));

  for (;;)
    {
      int64_t due_us = P2P_FOREVER;
      unsigned n = 2;
      struct pollfd *pfd;

      g_array_set_size (pfds, 2 + 2 * g_queue_get_length (&pairs));
      pfd = &g_array_index (pfds, struct pollfd, 0);
      pfd[0] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
      pfd[1] = (struct pollfd){ .fd = stopped ? -1 : listen_fd, .events = POLLIN };
      for (GList *link = stopped ? NULL : pairs.head; link; link = link->next, n += 2)
        due_us = MIN (due_us, pair_ask (link->data, &pfd[n]));
      (void) poll (pfd, n,
                   p2p_deadline_poll_ms (MAX (due_us, 1))); /* a signal: all is asked again */
      if (!stopped)
        work (&pfd[2]);
      if (pfd[1].revents)
        accept_one (listen_fd);
      if (pfd[0].revents && !read_commands ())
        return;
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  int listen_fd;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || to_port == 0 || hold < 1)
    {
      fprintf (stderr, "far: %s\n", error ? error->message : "--to=PORT and a --hold above 0");
      return 2;
    }
  listen_fd = loopback_listen ("far", 0, SOCK_NONBLOCK);
  set_buffers (listen_fd); /* those that it accepts have the same */
  relay (listen_fd);
  cut_all ();
  g_queue_clear_full (&spares, g_free);
  p2p_fd_close (&listen_fd);
  return 0;
}
