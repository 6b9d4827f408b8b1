#pragma once

/// All of madx, lowest level first (docs/design.md).
#include "madx/core/error.h"
#include "madx/ops/bottleneck.h"
#include "madx/ops/coupling.h"
#include "madx/ops/linear_cross_entropy.h"
#include "madx/ops/packed_attention.h"

#include "madx/adapters/adapter.h"
#include "madx/adapters/adapter_set.h"
#include "madx/adapters/adapter_stack.h"
#include "madx/adapters/invertible_adapter.h"
#include "madx/models/encoder.h"
#include "madx/models/mlm_head.h"
#include "madx/models/tagging_head.h"

#include "madx/data/conll.h"
#include "madx/data/mlm_batches.h"
#include "madx/data/raw_text.h"
#include "madx/data/text.h"
#include "madx/data/tokenizer.h"
#include "madx/data/windows.h"

#include "madx/io/adapter_config.h"
#include "madx/io/adapter_files.h"
#include "madx/io/encoder_files.h"
#include "madx/io/safetensors.h"
#include "madx/io/torch_file.h"

#include "madx/eval/span_f1.h"
#include "madx/report/ner_report.h"
#include "madx/train/mlm_task.h"
#include "madx/train/run_directory.h"
#include "madx/train/trainer.h"
