/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* For the tests of certificates: good and bad ones, as texts. One thread. */
#pragma once

#include "tests/unit/tls-fixture.h"

typedef struct
{
  TlsFixtureCert *good, *another;  /* (owned) for a.example, which sign themselves */
  TlsFixtureCert *expired, *early; /* (owned) as good, at the wrong time */
  TlsFixtureCert *ca, *leaf;       /* (owned) leaf.example is signed by ca.example */
} CertSamples;

extern CertSamples certs;

/* g_test_run (), with certs meanwhile. */
int cert_samples_run (void);
