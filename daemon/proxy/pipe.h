/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Pipe: one direction of an exchange. Bytes are read from one stream into a fixed buffer, told
 * apart by the body reader, framed anew, and written to the other stream. It never blocks: each
 * step goes as far as both streams allow and says what it waits for, so that two directions can
 * share one worker. One thread. */
#pragma once

#include "lib/http1.h"
#include "lib/stream.h"

typedef enum
{
  PIPE_WANT_READ,  /* the source has nothing now */
  PIPE_WANT_WRITE, /* the sink takes nothing now */
  PIPE_MORE,       /* it went on for long enough: let the other direction have its turn */
  PIPE_ALL_READ,   /* once, if tells_end: the source has said all, and the last of it is not written
                      yet */
  PIPE_DONE,       /* all is written and flushed, the end of the body included */
  PIPE_READ_FAILED,  /* io: EOF in the middle of a body, RESET, ... */
  PIPE_WRITE_FAILED, /* io */
  PIPE_BAD,          /* the source broke the framing */
  PIPE_TOO_LARGE,    /* more content than max_content */
} PipeStep;

typedef enum
{
  PIPE_ENCODE_PLAIN,   /* the content as it is: a length, until close, or nothing */
  PIPE_ENCODE_CHUNKED, /* chunks of our own making */
} PipeEncoding;

typedef struct
{
  P2pStream *from; /* (borrowed) */
  P2pStream *to;   /* (borrowed) */
  char *buf;       /* (borrowed: workspace) */
  size_t size;
  size_t start, end; /* buf[start..end): read, not looked at yet */
  P2pBody body;
  uint64_t max_content; /* what goes beyond is not written */
  P2pTrailers trailers;
  PipeEncoding encoding;
  bool whole; /* buf[0..end) is all that was read: new bytes go behind it while there is room */
  bool drained;        /* the last read did not fill the buffer: the next would find nothing */
  bool content_queued; /* content is in out: chunk_line and its bytes stay until they are written */
  bool tells_end;      /* PIPE_ALL_READ is wanted */
  bool end_queued;     /* the last of the output is in out */
  P2pIo io;            /* why a READ_FAILED or WRITE_FAILED */
  uint64_t n_read, n_written; /* bytes so far */
  struct iovec
      out[8]; /* waits to be written: head, chunk line, content, end of chunk, end of body */
  unsigned out_first, n_out;
  char chunk_line[20];
} Pipe;

/* buf[0..n_ready) has been read from the source already. Only the source's framing of the body is
 * known here; the head, if any, is queued with pipe_queue () before the first step. */
void pipe_init (Pipe *pipe, P2pStream *from, P2pStream *to, char *buf, size_t size, size_t n_ready);
void pipe_set_body (Pipe *pipe, P2pBodyKind kind, uint64_t content_length, PipeEncoding encoding);
/* Goes out before the body. */
void pipe_queue (Pipe *pipe, P2pSpan text);

PipeStep pipe_step (Pipe *pipe);

/* What was read from the source beyond the end of the body. */
P2pSpan pipe_get_rest (const Pipe *pipe);

/* What was read stays in buf, from its first byte on, as long as it fits: see whole. Before the
 * first step. */
void pipe_keep_whole (Pipe *pipe);

/* Reads ahead while the pipe is done: what a client sends behind its request, and whether it left.
 * P2P_IO_OVERFLOW: no room. */
P2pIo pipe_read_ahead (Pipe *pipe);
