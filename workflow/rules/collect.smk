rule collect:
    input:
        records=lambda wildcards: BENCH.records(wildcards.target),
        evaluations=lambda wildcards: BENCH.evaluations(wildcards.target),
    output:
        table="results/{target}/results.parquet",
        csv="results/{target}/results.csv",
        run="results/{target}/run.json",
    log:
        "results/logs/collect/{target}.log",
    localrule: True
    params:
        digest=lambda wildcards: BENCH.selected(wildcards.target)[0].digest,
        configfiles=BENCH.configfiles,
        code=report_code(),
    message:
        "collect {wildcards.target}"
    script:
        "../scripts/collect.py"
