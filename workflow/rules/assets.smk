rule asset:
    output:
        status="results/assets/{asset}.json",
    log:
        "results/logs/assets/{asset}.log",
    params:
        source=lambda wildcards: BENCH.asset_text(wildcards.asset),
    localrule: True
    message:
        "fetch {wildcards.asset}"
    script:
        "../scripts/asset.py"
