/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Certificates for tests, made when they are needed. Any thread. */
#pragma once

#include <gio/gio.h>
#include <time.h>

typedef struct
{
  const char *common_name;
  const char *dns_name;   /* (nullable) */
  const char *ip_address; /* (nullable) IPv4 */
  time_t from;
  time_t until;
} CertSpec;

/* A self-signed certificate with its key. Caller owns. */
GTlsCertificate *test_cert_new (const CertSpec *spec);

/* For 127.0.0.1 and localhost, good for an hour. */
GTlsCertificate *test_cert_new_local (void);
