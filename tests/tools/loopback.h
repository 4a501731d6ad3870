/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the helper programs that listen have in common. The main thread. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Listens on a port of 127.0.0.1 (0: of the kernel's choice) and prints it as the first line; ends
 * the program when that fails. flags: SOCK_NONBLOCK. */
static inline int
loopback_listen (const char *program, unsigned port, int flags)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons ((uint16_t) port),
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t len = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), on = 1;

  (void) setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind (fd, (struct sockaddr *) &address, len) < 0 || listen (fd, 4096) < 0
      || getsockname (fd, (struct sockaddr *) &address, &len) < 0)
    {
      fprintf (stderr, "%s: port %u: %s\n", program, port, g_strerror (errno));
      exit (1);
    }
  printf ("%u\n", ntohs (address.sin_port));
  fflush (stdout);
  return fd;
}
