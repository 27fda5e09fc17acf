#!/bin/bash
# Which lines of the parsers the harnesses reach: coverage.sh BUILD [SECONDS]. BUILD is made with the preset `coverage`.
# Each harness runs its corpus, what was found earlier, and SECONDS of fuzzing (0: none). Prints a table, leaves
# BUILD/coverage/lines.txt with the lines that were not reached, and fails when a file is below 95 percent.
set -eu
build=$(realpath "$1")
seconds=${2:-0}
here=$(dirname "$(realpath "$0")")
cd "$here/../.."
out=$build/coverage
mkdir -p "$out"
rm -f "$out"/*.profraw

# Files that take apart what a peer, a client or a file says. What only reads or writes files is not among them, nor
# what answers to a command that was understood.
parsers=(
  fabrics/iscsi/{ahs,chap,keys,login,login_identity,logout,names,negotiation,scsi_command,snack,task_management}.cc
  fabrics/iscsi/{text,text_exchange,text_request,value}.cc
  drivers/soft/tcp/{data_order,data_out,pieces,receiver}.cc
  scsi_core/engine/opcode_table.cc scsi_core/disk/{mode_parameters,mode_select,provisioning}.cc
  scsi_core/reservation/{parameters,record,transport_id}.cc
  hal/vfio_user/{capabilities,channel,connection,requests}.cc
  emu/fc/{n_port_els,services}.cc
  ctl/config/{check,check_ports,check_services,check_units,check_users,names,table_reader,toml_read}.cc ctl/units.cc
  ctl/import/{draft,import,json_fields,scst,scst_conf,scst_devices,scst_iscsi,scst_views,settle}.cc
  ctl/import/{targetcli,targetcli_nodes,text_keys,tgt_admin,tgt_conf}.cc
  ctl/isns/{client,message}.cc ctl/radius/packet.cc ctl/rpc/{dispatcher,json,params}.cc
)

objects=()
for harness in "$build"/tests/fuzz/*; do
  [ -f "$harness" ] && [ -x "$harness" ] || continue
  name=$(basename "$harness")
  [ -d "$here/corpus/$name" ] || continue  # cdb_corpus
  echo "running $name" >&2
  found=$build/tests/fuzz/found-$name
  mkdir -p "$found"
  # A profile of the corpus by itself: fuzzing ends by time.
  LLVM_PROFILE_FILE=$out/$name.profraw "$harness" -runs=0 -max_len=8192 -timeout=20 "$found" "$here/corpus/$name" \
    >"$out/$name.log" 2>&1 || { tail -n 30 "$out/$name.log"; exit 1; }
  if [ "$seconds" -gt 0 ]; then
    LLVM_PROFILE_FILE=$out/$name-more.profraw "$here/run.sh" "$harness" "$seconds" || exit 1
  fi
  objects+=(-object "$harness")
done
llvm-profdata-14 merge -sparse "$out"/*.profraw -o "$out/all.profdata"
llvm-cov-14 export -format=lcov -instr-profile "$out/all.profdata" "${objects[@]}" >"$out/all.lcov"
python3 - "$build" "${parsers[@]}" <<'PYTHON'
import os
import sys

build, parsers = sys.argv[1], sys.argv[2:]
out = os.path.join(build, "coverage")


def source(path):
    """Files of a unity build are named as if they were below the build folder."""
    return os.path.relpath(path) if os.path.exists(path) else os.path.relpath(path, os.path.relpath(build))


lines, name = {}, None
for line in open(os.path.join(out, "all.lcov"), encoding="utf-8"):
    if line.startswith("SF:"):
        name = source(line[3:].strip())
    elif line.startswith("DA:"):
        number, count = line[3:].split(",")[:2]
        seen = lines.setdefault(name, {})
        seen[int(number)] = max(seen.get(int(number), 0), int(count))
low, all_lines, all_reached = [], 0, 0
with open(os.path.join(out, "lines.txt"), "w", encoding="utf-8") as missed:
    for path in parsers:
        seen = lines.get(path, {})
        reached = sum(count > 0 for count in seen.values())
        percent = 100 * reached / len(seen) if seen else 0
        print(f"{path:48} {reached:4} of {len(seen):4} lines  {percent:6.2f} %")
        all_lines, all_reached = all_lines + len(seen), all_reached + reached
        if percent < 95:
            low.append(path)
        source = open(path, encoding="utf-8").read().split("\n")
        missed.writelines(f"{path}:{number}: {source[number - 1]}\n" for number, count in sorted(seen.items()) if not count)
print(f"{len(parsers)} files: {all_reached} of {all_lines} lines, {100 * all_reached / max(all_lines, 1):.2f} %")
if low:
    print("below 95 %:", *low)
sys.exit(1 if low else 0)
PYTHON
