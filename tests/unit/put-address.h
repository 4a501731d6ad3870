/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Addresses of tests, from their text. */
#pragma once

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>

/* IPv4 or IPv6, port 0; answers its size. */
static inline socklen_t
put_address (const char *text, struct sockaddr_storage *ret)
{
  struct sockaddr_in *in = (struct sockaddr_in *) ret;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) ret;

  memset (ret, 0, sizeof *ret);
  if (inet_pton (AF_INET, text, &in->sin_addr) == 1)
    {
      in->sin_family = AF_INET;
      return sizeof *in;
    }
  g_assert_cmpint (inet_pton (AF_INET6, text, &in6->sin6_addr), ==, 1);
  in6->sin6_family = AF_INET6;
  return sizeof *in6;
}
