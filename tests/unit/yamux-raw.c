/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See yamux-raw.h. */
#include "tests/unit/yamux-raw.h"

#include "lib/fd.h"

#include <poll.h>
#include <sys/socket.h>

static void
start_on (Peer *peer, const int *fds, P2pYamuxRole role, P2pYamuxOptions options)
{
  memset (peer, 0, sizeof *peer);
  options.role = role;
  peer->fd = fds[1];
  end_start (&peer->end, p2p_stream_tcp_new (fds[0]), options);
}

void
peer_start (Peer *peer, P2pYamuxRole role, P2pYamuxOptions options)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  start_on (peer, fds, role, options);
}

void
peer_start_narrow (Peer *peer, P2pYamuxRole role, P2pYamuxOptions options, int send_buffer)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_assert_cmpint (setsockopt (fds[0], SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer), ==,
                   0);
  start_on (peer, fds, role, options);
}

void
peer_stop (Peer *peer)
{
  p2p_fd_close (&peer->fd);
  end_stop (&peer->end);
}

void
peer_expect_fault (Peer *peer, const char *why)
{
  RawFrame frame = raw_expect (peer->fd, YAMUX_GO_AWAY, 0, 0);

  g_assert_cmpuint (frame.length, ==, YAMUX_GO_AWAY_PROTO);
  g_assert_false (raw_next (peer->fd, &frame, true));
  p2p_fd_close (&peer->fd);
  end_await (&peer->end);
  g_assert_cmpstr (peer->end.why, ==, why);
  g_assert_true (peer->end.ours);
  g_assert_false (p2p_yamux_is_open (peer->end.yamux));
}

static void
raw_write (int fd, const void *bytes, size_t n)
{
  for (size_t done = 0; done < n;)
    {
      ssize_t part = send (fd, (const char *) bytes + done, n - done, MSG_NOSIGNAL);

      if (part < 0)
        return; /* the session has ended already: what it said can still be read */
      done += (size_t) part;
    }
}

void
raw_send (int fd, uint8_t type, uint16_t flags, uint32_t id, uint32_t length, const void *payload)
{
  YamuxHeader header = { .type = type, .flags = flags, .id = id, .length = length };
  unsigned char bytes[YAMUX_HEADER_SIZE];

  yamux_header_encode (&header, bytes);
  raw_write (fd, bytes, sizeof bytes);
  if (payload)
    raw_write (fd, payload, length);
}

static bool
raw_read (int fd, unsigned char *bytes, size_t n)
{
  int64_t deadline_us = WITHIN;

  for (size_t done = 0; done < n;)
    {
      struct pollfd pfd = { .fd = fd, .events = POLLIN };
      ssize_t part;

      g_assert_cmpint (poll (&pfd, 1, p2p_deadline_poll_ms (deadline_us)), ==, 1);
      part = recv (fd, bytes + done, n - done, 0);
      if (part <= 0)
        return false;
      done += (size_t) part;
    }
  return true;
}

bool
raw_next (int fd, RawFrame *ret_frame, bool with_pings)
{
  unsigned char bytes[YAMUX_HEADER_SIZE];
  YamuxHeader header;

  do
    {
      if (!raw_read (fd, bytes, sizeof bytes))
        return false;
      header = yamux_header_decode (bytes);
    }
  while (header.type == YAMUX_PING && !with_pings);
  *ret_frame
      = (RawFrame){ header.version, header.type, header.flags, header.id, header.length, { 0 } };
  if (header.type == YAMUX_DATA)
    {
      g_assert_cmpuint (header.length, <=, sizeof ret_frame->payload);
      return raw_read (fd, ret_frame->payload, header.length);
    }
  return true;
}

RawFrame
raw_expect (int fd, uint8_t type, uint16_t flags, uint32_t id)
{
  RawFrame frame;

  for (;;)
    {
      g_assert_true (raw_next (fd, &frame, type == YAMUX_PING));
      if (frame.type == type && frame.id == id && (frame.flags & flags) == flags)
        return frame;
    }
}
