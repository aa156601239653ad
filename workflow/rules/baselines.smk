rule baseline:
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
        name=baseline_pattern(),
    threads: 1
    resources:
        mem_mb=BENCH.main.config.resources.mem_mb,
        runtime=10,
    params:
        spec=lambda wildcards: BENCH.spec_text(wildcards.name),
        recipe=lambda wildcards: BENCH.recipe_text(wildcards.name),
        numerics=lambda wildcards: BENCH.numerics(wildcards.name),
    message:
        "run {wildcards.name}"
    script:
        "../scripts/baseline.py"
