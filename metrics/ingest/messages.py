"""The protobuf messages that are parsed, from descriptors in code: nothing is generated.

They hold only what is read. What can be many, or is a key of its own, is declared as bytes: labels and attributes are
looked up as they were sent, and read only when they were not met before (see recent.py). Bytes and a message are the
same on the wire.

Sources: prometheus/prompb/{remote,types}.proto, io/prometheus/write/v2/types.proto, io/prometheus/client/metrics.proto,
opentelemetry/proto/metrics/v1/metrics.proto, google/rpc/status.proto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

Field = str
"""`name number type`; a `*` after the type says repeated, `?` that absence is told from the default, and `|x` puts the
field into the oneof x. A type in capitals is a message of the same package."""

PROMETHEUS = {
    "Label": ["name 1 string", "value 2 string"],
    "Sample": ["value 1 double", "timestamp 2 int64"],
    "TimeSeries": ["labels 1 bytes*", "samples 2 Sample*", "histograms 4 bytes*"],
    "MetricMetadata": ["type 1 int32", "metric_family_name 2 string", "help 4 string", "unit 5 string"],
}
PROMETHEUS_2 = {
    "Sample": ["value 1 double", "timestamp 2 int64"],
    "Metadata": ["type 1 int32", "help_ref 3 uint32", "unit_ref 4 uint32"],
    "TimeSeries": ["labels_refs 1 uint32*", "samples 2 Sample*", "histograms 3 bytes*", "metadata 5 Metadata"],
}
CLIENT = {
    "LabelPair": ["name 1 string", "value 2 string"],
    "Number": ["value 1 double"],
    "Quantile": ["quantile 1 double", "value 2 double"],
    "Summary": ["sample_count 1 uint64", "sample_sum 2 double", "quantile 3 Quantile*"],
    "Bucket": ["cumulative_count 1 uint64", "upper_bound 2 double", "cumulative_count_float 4 double"],
    "Histogram": ["sample_count 1 uint64", "sample_sum 2 double", "bucket 3 Bucket*", "sample_count_float 9 double"],
    "Metric": [
        "label 1 bytes*",
        "gauge 2 Number",
        "counter 3 Number",
        "summary 4 Summary",
        "untyped 5 Number",
        "timestamp_ms 6 int64?",
        "histogram 7 Histogram",
    ],
}
OPENTELEMETRY = {
    "NumberDataPoint": [
        "time_unix_nano 3 fixed64",
        "as_double 4 double|value",
        "as_int 6 sfixed64|value",
        "attributes 7 bytes*",
        "flags 8 uint32",
    ],
    "HistogramDataPoint": [
        "time_unix_nano 3 fixed64",
        "count 4 fixed64",
        "sum 5 double?",
        "bucket_counts 6 fixed64*",
        "explicit_bounds 7 double*",
        "attributes 9 bytes*",
        "flags 10 uint32",
    ],
    "ExponentialHistogramDataPoint": [
        "attributes 1 bytes*",
        "time_unix_nano 3 fixed64",
        "count 4 fixed64",
        "sum 5 double?",
        "flags 10 uint32",
    ],
    "ValueAtQuantile": ["quantile 1 double", "value 2 double"],
    "SummaryDataPoint": [
        "time_unix_nano 3 fixed64",
        "count 4 fixed64",
        "sum 5 double",
        "quantile_values 6 ValueAtQuantile*",
        "attributes 7 bytes*",
        "flags 8 uint32",
    ],
}
RPC = {"Status": ["code 1 int32", "message 2 string"]}


def classes(package: str, messages: Mapping[str, Sequence[Field]]) -> dict[str, Any]:
    """The message classes by name, in a pool of their own: others may load the same packages in full."""
    pool = DescriptorPool()
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _add_field(message, field, package)
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


def _add_field(message: Any, field: Field, package: str) -> None:
    name, number, kind = field.split()
    kind, _, group = kind.partition("|")
    added = message.field.add(name=name, number=int(number), label=FieldDescriptorProto.LABEL_OPTIONAL)
    if kind.endswith("*"):
        added.label = FieldDescriptorProto.LABEL_REPEATED
    if kind.endswith("?"):
        group = f"_{name}"
    if group:
        added.oneof_index = _oneof(message, group)
    kind = kind.rstrip("*?")
    if kind[0].isupper():
        added.type, added.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{package}.{kind}"
    else:
        added.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")


def _oneof(message: Any, name: str) -> int:
    names = [one.name for one in message.oneof_decl]
    if name not in names:
        message.oneof_decl.add(name=name)
        names.append(name)
    return names.index(name)


prometheus = classes("prometheus", PROMETHEUS)
prometheus_2 = classes("io.prometheus.write.v2", PROMETHEUS_2)
client = classes("io.prometheus.client", CLIENT)
opentelemetry = classes("opentelemetry.proto.metrics.v1", OPENTELEMETRY)
Status: Any = classes("google.rpc", RPC)["Status"]
