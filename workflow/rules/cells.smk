# A job on a node, and a run on this machine, have no use for a time limit: it takes a look at every record.
def minutes(wildcards, attempt):
    if workflow.is_main_process and not workflow.local_exec:
        return BENCH.minutes(wildcards.name, attempt)
    return BENCH.main.config.resources.runtime


# A cell that was killed for want of memory gets more of it.
def megabytes(wildcards, attempt):
    return attempt * BENCH.main.config.resources.mem_mb


# What makes a cell run again is in its params (the spec, the recipe down to the asset's hash, the versions of the
# numbers) and in the files of the user's own that it is made of, which may be edited.
rule train:
    input:
        status=lambda wildcards: BENCH.status(wildcards.name),
        picture=lambda wildcards: BENCH.own_picture(wildcards.name),
        weights=lambda wildcards: BENCH.weights(wildcards.name),
    output:
        record="results/cells/{name}/cell.json",
    log:
        "results/logs/cells/{name}.log",
    benchmark:
        "results/benchmarks/{name}.tsv"
    wildcard_constraints:
        name=rf"(?!{baseline_pattern()}/cell\.json$).+",
    threads: BENCH.main.config.resources.threads
    resources:
        mem_mb=megabytes,
        runtime=minutes,
    params:
        spec=lambda wildcards: BENCH.spec_text(wildcards.name),
        recipe=lambda wildcards: BENCH.recipe_text(wildcards.name),
        numerics=lambda wildcards: BENCH.numerics(wildcards.name),
    message:
        "train {wildcards.name}"
    script:
        "../scripts/train.py"


rule evaluate:
    input:
        record="results/cells/{name}/cell.json",
        status=lambda wildcards: BENCH.status(wildcards.name),
        weights=lambda wildcards: BENCH.weights(wildcards.name),
        needed=lambda wildcards: BENCH.needed(wildcards.metric),
    output:
        score="results/cells/{name}/metrics/{metric}.json",
    log:
        "results/logs/metrics/{name}/{metric}.log",
    wildcard_constraints:
        name=r".+",
    threads: BENCH.main.config.resources.threads
    resources:
        mem_mb=megabytes,
        runtime=BENCH.main.config.resources.runtime,
    params:
        recipe=lambda wildcards: BENCH.recipe_text(wildcards.name),
    message:
        "evaluate {wildcards.metric} of {wildcards.name}"
    script:
        "../scripts/evaluate.py"


rule cells:
    localrule: True
    params:
        python=sys.executable,
        files=[f"--configfile={file}" for file in BENCH.files],
    message:
        "the cells of the configuration"
    shell:
        "{params.python:q} -m sirenbench.cli cells {params.files:q}"


rule estimate:
    localrule: True
    params:
        python=sys.executable,
        files=[f"--configfile={file}" for file in BENCH.files],
    message:
        "what the cells of the configuration would cost"
    shell:
        "{params.python:q} -m sirenbench.cli estimate {params.files:q}"
